"""What the tests of DTLS share: configurations of both ends, and a network between them."""

import datagram_ends
import pytest
from dtls_network import Clock, Fate, Network

from tlscore.dtls.config import ClientConfig
from tlscore.dtls.listener import Listener
from tlscore.dtls.server_config import ServerConfig

PSK_CCM_8, ECDSA_CCM_8, ECDSA_GCM, PSK_GCM = 0xC0A8, 0xC0AE, 0xC02B, 0x00A8
PSK_CHACHA20 = 0xCCAB


class Ends(datagram_ends.Ends):
    """Both ends of DTLS 1.2; what they prove themselves with is a matter of the suite."""

    client_config, server_config = ClientConfig, ServerConfig

    def __init__(self, identity, clock, suite):
        by_key = suite in (PSK_CCM_8, PSK_GCM, PSK_CHACHA20)
        datagram_ends.Ends.__init__(self, identity, clock, by_key, suite)


@pytest.fixture(scope="session")
def ends(identity):
    """Return a maker of Ends: ends(suite)."""

    def make(suite=PSK_CCM_8):
        return Ends(identity, Clock(), suite)

    return make


@pytest.fixture(scope="session")
def network(ends):
    """Return a maker of networks: network(fate, suite=..., slots=..., seed=..., server options)."""

    def make(fate=None, suite=PSK_CCM_8, slots=4, seed=0, **server):
        both = ends(suite)
        listener = Listener(both.server(seed, **server), slots)
        made = Network(listener, both.clock, Fate() if fate is None else fate)
        made.ends = both
        return made

    return make
