"""What the tests of DTLS share: configurations of both ends, and a network between them."""

import pytest
import server_identity
from dtls_network import Clock, Fate, Network

from tlscore.clock import FixedClock
from tlscore.dtls.config import ClientConfig
from tlscore.dtls.listener import Listener
from tlscore.dtls.server_config import ServerConfig
from tlscore.entropy import HmacDrbg
from tlscore.trust import TrustAnchors, anchor_from_certificate

KEY_NAME, KEY = b"device 1", bytes(range(16))
PSK_CCM_8, ECDSA_CCM_8, ECDSA_GCM, PSK_GCM = 0xC0A8, 0xC0AE, 0xC02B, 0x00A8
PSK_CHACHA20 = 0xCCAB


class Ends:
    """Makers of both ends' configurations, on one virtual clock."""

    def __init__(self, identity, clock, suite):
        self.identity, self.clock, self.suite = identity, clock, suite
        self.by_key = suite in (PSK_CCM_8, PSK_GCM, PSK_CHACHA20)

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
            values["psk"] = {KEY_NAME: (KEY, 32)}.get
        else:
            values["certificates"] = tuple(self.identity.chain)
            values["private_key"] = server_identity.private_key(self.identity.key)
        values.update(changes)
        return ServerConfig(**values)


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
