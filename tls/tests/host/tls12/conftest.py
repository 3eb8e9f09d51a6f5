"""What the tests of TLS 1.2 share: our client and our server, wired together or with a tamperer."""

import pytest
import server_identity
import tls12_wire as wire

from tlscore.clock import FixedClock
from tlscore.connection import EVENT_CONNECTED
from tlscore.entropy import HmacDrbg
from tlscore.errors import PeerMisbehaved
from tlscore.tls12.client import ClientConnection
from tlscore.tls12.config import ClientConfig
from tlscore.tls12.server import ServerConnection
from tlscore.tls12.server_config import ServerConfig
from tlscore.trust import TrustAnchors, anchor_from_certificate

TLS_1_2 = 0x0303
KEY_NAME, KEY = b"device 1", bytes(range(32))


class Pair:
    """Our client and our server in one process."""

    def __init__(self, client_config, server_config):
        self.client = ClientConnection(client_config)
        self.server = ServerConnection(server_config)

    def say(self, end):
        """Return all an end has to say."""
        said = b""
        while len(end.to_send()):
            said += bytes(end.to_send())
            end.sent(len(end.to_send()))
        return said

    def tell(self, end, octets, piece_bytes=1000):
        """Let an end receive bytes in pieces; return the application data among them."""
        heard = b""
        for at in range(0, len(octets), piece_bytes):
            rest = memoryview(octets)[at : at + piece_bytes]
            while rest:
                rest = rest[end.receive(rest) :]
                heard += end.read()
        return heard

    def carry(self, piece_bytes=1000):
        """Carry bytes both ways until neither has any; return what each received."""
        heard = {self.client: b"", self.server: b""}
        while len(self.client.to_send()) or len(self.server.to_send()):
            for source, sink in ((self.client, self.server), (self.server, self.client)):
                heard[sink] += self.tell(sink, self.say(source), piece_bytes)
        return heard[self.client], heard[self.server]

    def connect(self):
        self.carry()
        assert EVENT_CONNECTED in self.events(self.client)
        assert EVENT_CONNECTED in self.events(self.server)
        return self

    def events(self, end):
        found = []
        while (event := end.next_event()) is not None:
            found.append(event[0])
        return found

    def hello(self):
        """Return the ClientHello as fields."""
        (_, body), *_ = wire.messages(self.say(self.client))
        return wire.Hello(body, of_client=True)

    def answer(self):
        """Carry the ClientHello; return the server's flight as messages."""
        self.tell(self.server, self.say(self.client))
        return wire.messages(self.say(self.server))

    def refusal(self, end, octets):
        """Give an end what it must refuse; return (reason, alert it sent)."""
        self.say(end)
        with pytest.raises(PeerMisbehaved) as caught:
            self.tell(end, octets)
        content_type, alert = wire.records(self.say(end))[-1]
        assert content_type == wire.ALERT
        # Once there are keys it cannot be read here.
        assert alert == bytes((2, caught.value.alert)) or len(alert) >= 2 + 8
        assert end.wants == 0
        return caught.value.reason, caught.value.alert


@pytest.fixture(scope="session")
def pair12(identities):
    """Return a maker of pairs: pair12(scheme=..., client={...}, psk=True, ...), of TLS 1.2 alone.

    With `psk`, True or a server's function of keys, they have those and no certificate.
    """

    def make(scheme=0x0403, client=None, psk=False, **server):
        identity = identities(scheme)
        ours = {
            "entropy": HmacDrbg(b"seed of the tests of TLS 1.2...."),
            "clock": FixedClock(identity.utc_seconds),
            "trust": TrustAnchors([anchor_from_certificate(identity.root)]),
            "server_name": identity.name,
            "versions": (TLS_1_2,),
        }
        theirs = {
            "entropy": HmacDrbg(b"seed of the server of TLS 1.2..."),
            "versions": (TLS_1_2,),
        }
        if psk:
            ours.update(trust=None, psks=((KEY_NAME, KEY, 32),))
            theirs["psk"] = psk if callable(psk) else {KEY_NAME: (KEY, 32)}.get
        else:
            theirs["certificates"] = tuple(identity.chain)
            theirs["private_key"] = server_identity.private_key(identity.key)
        ours.update(client or {})
        theirs.update(server)
        return Pair(ClientConfig(**ours), ServerConfig(**theirs))

    return make
