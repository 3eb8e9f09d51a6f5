"""What the tests of sockets share: makers of both ends that end with the test."""

import pytest
from sockets_shared import Echo, Maker


@pytest.fixture
def maker(identity):
    """Return a Maker of SecureSocks."""
    made = Maker(identity)
    yield made
    made.close()


@pytest.fixture
def echo(maker):
    """Return a maker of Echo servers."""
    made = []

    def make(socks, tag, is_datagram=False, starts=True, **options):
        made.append(Echo(socks, tag, is_datagram, **options))
        return made[-1].start() if starts else made[-1]

    yield make
    for one in made:
        one.close()
