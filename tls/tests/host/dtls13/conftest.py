"""What the tests of DTLS 1.3 share: configurations of both ends, and a network between them."""

import pytest
import server_identity
from dtls_network import Clock, Fate, Host, Network

from tlscore.clock import FixedClock
from tlscore.dtls13.client import ClientConnection
from tlscore.dtls13.config import ClientConfig
from tlscore.dtls13.listener import Listener
from tlscore.dtls13.server_config import ServerConfig
from tlscore.entropy import HmacDrbg
from tlscore.trust import TrustAnchors, anchor_from_certificate

KEY_NAME, KEY = b"device 1", bytes(range(16))
GCM, CHACHA20, CCM, CCM_8 = 0x1301, 0x1303, 0x1304, 0x1305


class Network13(Network):
    """Clients of DTLS 1.3."""

    def join(self, config, address=("192.0.2.1", 40000)):
        """Return a Host that begins a handshake."""
        host = Host(self, ClientConnection(config), address)
        self.hosts.append(host)
        return host


class Ends:
    """Makers of both ends' configurations, on one virtual clock; by a key or by certificates."""

    def __init__(self, identity, clock, by_key, suite):
        self.identity, self.clock, self.by_key, self.suite = identity, clock, by_key, suite

    def client(self, seed=0, **changes):
        identity = self.identity
        trust = TrustAnchors([anchor_from_certificate(identity.root)])
        values = {
            "entropy": HmacDrbg(b"seed of the clients of DTLS %5d" % seed),
            "clock": FixedClock(identity.utc_seconds),
            "trust": None if self.by_key else trust,
            "server_name": None if self.by_key else identity.name,
            "suites": (self.suite,),
            "now_ms": self.clock,
        }
        if self.by_key:
            values.update(psks=((KEY_NAME, KEY, 32),), psk_modes=(0,))
        values.update(changes)
        return ClientConfig(**values)

    def server(self, seed=0, **changes):
        values = {
            "entropy": HmacDrbg(b"seed of the server of DTLS %6d" % seed),
            "suites": (self.suite,),
            "now_ms": self.clock,
            "cookie_key": bytes(32),
        }
        if self.by_key:
            values.update(psk={KEY_NAME: (KEY, 32)}.get, psk_modes=(0, 1))
        else:
            values["certificates"] = tuple(self.identity.chain)
            values["private_key"] = server_identity.private_key(self.identity.key)
        values.update(changes)
        return ServerConfig(**values)


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
