"""Makers of both ends' configurations for DTLS of either version, on one virtual clock."""

import server_identity

from tlscore.clock import FixedClock
from tlscore.entropy import HmacDrbg
from tlscore.trust import TrustAnchors, anchor_from_certificate

KEY_NAME, KEY = b"device 1", bytes(range(16))


class Ends:
    """A client and a server that can meet, by a key or by certificates.

    Attributes:
        client_config, server_config: classes of a version's configurations.
        server_options: what a server that has a key is told beside it.
    """

    client_config = server_config = None
    server_options = {}

    def __init__(self, identity, clock, by_key, suite):
        self.identity, self.clock, self.by_key, self.suite = identity, clock, by_key, suite

    def client(self, seed=0, **changes):
        """Return a client's configuration, with `changes`."""
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
        return self.client_config(**values)

    def server(self, seed=0, **changes):
        """Return a server's configuration, with `changes`."""
        values = {
            "entropy": HmacDrbg(b"seed of the server of DTLS %6d" % seed),
            "suites": (self.suite,),
            "now_ms": self.clock,
            "cookie_key": bytes(32),
        }
        if self.by_key:
            values.update(psk={KEY_NAME: (KEY, 32)}.get, **self.server_options)
        else:
            values["certificates"] = tuple(self.identity.chain)
            values["private_key"] = server_identity.private_key(self.identity.key)
        values.update(changes)
        return self.server_config(**values)
