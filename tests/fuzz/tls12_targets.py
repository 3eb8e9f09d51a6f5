"""TLS 1.2 fuzzed as in wire_targets.py: our client, our server, and somebody between them.

Imported by wire_targets.py, which lists what is here among its targets.
"""

import tls12_wire as wire
from server_identity import private_key
from server_messages import message, vector

from tlscore import states
from tlscore.entropy import HmacDrbg
from tlscore.tickets import TicketKeys
from tlscore.tls12.client import ClientConnection
from tlscore.tls12.config import ClientConfig
from tlscore.tls12.server import ServerConnection
from tlscore.tls12.server_config import ServerConfig
from tlscore.tls12.session_cache import SessionCache

HANDSHAKE, CHANGE_CIPHER_SPEC = 22, 20
KEY_NAME, SHARED_KEY = b"device 1", bytes(range(32))
# Hello messages, Certificate, ServerKeyExchange, CertificateRequest, ServerHelloDone,
# CertificateVerify, ClientKeyExchange.
VICTIMS = (1, 2, 11, 12, 13, 14, 15, 16)
ROUNDS = 4


class Between:
    """A client and a server of TLS 1.2, and what happens to what they say.

    Args:
        fixtures: the module wire_targets, for its identity and its feeding of connections.
        draw: wire_tree.Draw.
    """

    def __init__(self, fixtures, draw):
        self._fixtures = fixtures
        self._draw = draw
        self._victim = VICTIMS[draw.below(len(VICTIMS))]
        self.changed = False
        by_key = draw.byte() > 0xC0
        versions = (0x0304, 0x0303) if draw.byte() > 0xE0 else (0x0303,)
        self.client = ClientConnection(self._client_config(by_key, versions))
        self.server = ServerConnection(self._server_config(by_key))

    def _client_config(self, by_key, versions):
        fixtures = self._fixtures
        options = {"trust": fixtures.TRUST, "server_name": fixtures.IDENTITY.name}
        if by_key:
            options = {"trust": None, "server_name": None, "psks": ((KEY_NAME, SHARED_KEY, 32),)}
        else:
            options["certificates"] = tuple(fixtures.IDENTITY.chain)
            options["private_key"] = private_key(fixtures.IDENTITY.key)
        seeded = HmacDrbg(b"seed of the fuzzed client.......")
        return ClientConfig(
            seeded,
            fixtures.CLOCK,
            versions=versions,
            alpn=(fixtures.ALPN,),
            ticket_bytes_max=500,
            send_buffer_bytes=3000,
            **options,
        )

    def _server_config(self, by_key):
        fixtures = self._fixtures
        seeded = HmacDrbg(b"seed of the fuzzed server.......")
        options = {"versions": (0x0303,), "alpn": (fixtures.ALPN, b"x")}
        if by_key:
            return ServerConfig(seeded, psk={KEY_NAME: (SHARED_KEY, 32)}.get, **options)
        if self._draw.byte() & 1:
            options["tickets"] = TicketKeys(seeded, fixtures.CLOCK)
        else:
            options["sessions"] = SessionCache(seeded, fixtures.CLOCK)
        return ServerConfig(
            seeded,
            tuple(fixtures.IDENTITY.chain),
            private_key(fixtures.IDENTITY.key),
            clock=fixtures.CLOCK,
            trust=fixtures.TRUST,
            **options,
        )

    def carry(self):
        """Carry what is said until somebody has refused something or all is said."""
        for _ in range(ROUNDS):
            for source, sink in ((self.client, self.server), (self.server, self.client)):
                said = b""
                while len(source.to_send()):
                    said += bytes(source.to_send())
                    source.sent(len(source.to_send()))
                if said and self._fixtures.feed(sink, self._passed_on(said), self._draw):
                    return

    def _passed_on(self, said):
        passed = b""
        in_the_clear = True
        for content_type, content in wire.records(said):
            in_the_clear = in_the_clear and content_type != CHANGE_CIPHER_SPEC
            hit = in_the_clear and content_type == HANDSHAKE and content[0] == self._victim
            passed += wire.record(content_type, self._changed(content) if hit else content)
        return passed

    def _changed(self, content):
        """Return a message that is alone in its record with some octets changed."""
        kind, body = content[0], content[4 : 4 + int.from_bytes(content[1:4], "big")]
        draw = self._draw
        at = draw.below(len(body) + 1)
        what = draw.below(3)
        put = draw.octets() if what else b""
        body = body[:at] + put + body[at + (len(put) if what == 1 else 1 - min(what, 1)) :]
        changed = message(kind, body) + content[4 + int.from_bytes(content[1:4], "big") :]
        self.changed = self.changed or changed != content
        return changed[:16000]


def tls12_handshake(fixtures, draw):
    """One field of a handshake is changed on its way: nobody connects over it."""
    between = Between(fixtures, draw)
    between.carry()
    ends = (between.client.state, between.server.state)
    if between.changed:
        assert states.CONNECTED not in ends, "connected over a changed message"


def tls12_connected(fixtures, draw):
    """A connected end, and records of drawn types and contents under the right key."""
    between = Between(fixtures, draw)
    between._victim = None
    between.carry()
    assert (between.client.state, between.server.state) == (states.CONNECTED,) * 2
    source, sink = between.client, between.server
    if draw.byte() & 1:
        source, sink = sink, source
    for _ in range(1 + draw.below(8)):
        content_type = (22, 22, 23, 21, 20, 24)[draw.below(6)]
        content = draw.octets()
        if content_type == HANDSHAKE and draw.byte() & 1:
            content = message(draw.below(24), content)
        writer = source._outbox.writer()
        writer.raw(content[: min(300, source._outbox.room())])
        source._outbox.commit(content_type, writer)
        said = bytes(source.to_send())
        source.sent(len(said))
        if fixtures.feed(sink, said, draw) is not None or sink.peer_closed:
            return
        if sink.state == states.CONNECTED:
            sink.sent(len(sink.to_send()))


def tls12_records(fixtures, draw):
    """A fresh end, and records of drawn types and contents in the clear."""
    between = Between(fixtures, draw)
    end = between.client if draw.byte() & 1 else between.server
    while not draw.spent():
        content_type = (20, 21, 22, 23, draw.byte())[draw.below(5)]
        record = bytes([content_type]) + b"\x03\x03" + vector(2, draw.octets())
        if fixtures.feed(end, record, draw) is not None:
            return


TARGETS = (
    ("tls12_handshake", tls12_handshake, 100),
    ("tls12_connected", tls12_connected, 100),
    ("tls12_records", tls12_records, 150),
)
