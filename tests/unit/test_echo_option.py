"""`--echo`: sizes, refusals, and which scenarios it changes."""

from __future__ import annotations

import pytest

from hil.tlsrig import echo_option, scenario
from hil.tlsrig.echo_option import EchoError

DECLARED = scenario.load_all()


@pytest.mark.parametrize(
    ("text", "sizes"), [("1", (1,)), ("16384", (16384,)), ("1000x3", (1000, 1000, 1000))]
)
def test_a_size_and_a_count_are_understood(text: str, sizes: tuple[int, ...]) -> None:
    assert echo_option.sizes(text) == sizes


@pytest.mark.parametrize(
    "text", ["", "0", "16385", "x4", "4x", "4x0", "4x65537", "1 MB", "-1", "2x2x2", "4X4"]
)
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(EchoError, match=r"--echo: .* 1 MB is 16384x64"):
        echo_option.sizes(text)


def test_only_handshakes_that_succeed_echo_something_else() -> None:
    good, refused = DECLARED["tls13-x509-p256"], DECLARED["tls13-wrong-name"]
    changed = echo_option.echoing([good, refused], "2000x2")
    assert [each.echo_bytes for each in changed] == [(2000, 2000), refused.echo_bytes]
    assert [each.name for each in changed] == [good.name, refused.name]
    assert echo_option.echoing([good], None) == [good]
