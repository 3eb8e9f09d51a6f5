"""What the tests of DTLS 1.3 share: configurations of both ends, and a network between them."""

import datagram_ends
import pytest
from dtls_network import Clock, Fate, Host, Network

from tlscore.dtls13.client import ClientConnection
from tlscore.dtls13.config import ClientConfig
from tlscore.dtls13.listener import Listener
from tlscore.dtls13.server_config import ServerConfig

GCM, CHACHA20, CCM, CCM_8 = 0x1301, 0x1303, 0x1304, 0x1305


class Network13(Network):
    """Clients of DTLS 1.3."""

    def join(self, config, address=("192.0.2.1", 40000)):
        """Return a Host that begins a handshake."""
        host = Host(self, ClientConnection(config), address)
        self.hosts.append(host)
        return host


class Ends(datagram_ends.Ends):
    """Both ends of DTLS 1.3."""

    client_config, server_config = ClientConfig, ServerConfig
    server_options = {"psk_modes": (0, 1)}


@pytest.fixture(scope="session")
def ends(identity):
    """Return a maker of Ends: ends(by_key, suite)."""

    def make(by_key=True, suite=GCM):
        return Ends(identity, Clock(), by_key, suite)

    return make


@pytest.fixture(scope="session")
def network(ends):
    """Return a maker of networks: network(fate, by_key, suite, slots, seed, server options)."""

    def make(fate=None, by_key=True, suite=GCM, slots=4, seed=0, **server):
        both = ends(by_key, suite)
        listener = Listener(both.server(seed, **server), slots)
        made = Network13(listener, both.clock, Fate() if fate is None else fate)
        made.ends = both
        return made

    return make


@pytest.fixture
def connected(network):
    """Return a maker of networks with a client that is connected, and the client's host."""

    def make(fate=None, client=None, **server):
        made = network(fate, **server)
        host = made.join(made.ends.client(**(client or {})))
        made.run(60000, made.connected)
        assert host.error is None
        assert made.connected()
        return made, host

    return make
