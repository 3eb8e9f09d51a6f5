"""DTLS 1.2 fuzzed: a client, a listener, and a network that does what a fuzzer's bytes say.

Imported by wire_targets.py, which lists what is here among its targets. Whatever comes over the
network: nothing is raised but TlsError, nobody is made to talk without end, two ends that are both
connected have the same keys, and what is not authentic ends no session.
"""

from tlscore.dtls.client import ClientConnection
from tlscore.dtls.config import ClientConfig
from tlscore.dtls.listener import Listener
from tlscore.dtls.server_config import ServerConfig
from tlscore.entropy import HmacDrbg
from tlscore.errors import TlsError
from tlscore.states import CONNECTED

KEY_NAME, KEY = b"device 1", bytes(range(16))
PSK_CCM_8, PSK_GCM = 0xC0A8, 0x00A8
PEER = b"10.0.0.1"
BUFFER_BYTES = 1500
HANDSHAKE_MS_MAX = 20000
STEP_MS = 500
# Datagrams that a handshake may take, whatever comes: more than 20 s of time-outs and answers to
# everything that is done to it.
TALK_MAX = 400
# What is sent with the right key: types of content, and where a record has its type and length.
TYPES = (22, 22, 23, 21, 20, 25)
TYPE_AT, VERSION_AT, EPOCH_AT, LENGTH_AT, HEADER_BYTES = 0, 1, 3, 11, 13


class Path:
    """A client and a listener, and what happens between them on a clock of its own."""

    def __init__(self, draw):
        self.draw = draw
        self.now = 0
        self.said = 0
        suite = (PSK_CCM_8, PSK_GCM)[draw.byte() & 1]
        options = {
            "now_ms": lambda: self.now,
            "suites": (suite,),
            "handshake_ms_max": HANDSHAKE_MS_MAX,
            "datagram_bytes": (1200, 150)[draw.byte() & 1],
            "connection_id": (None, b"", b"\x00ab")[draw.below(3)],
        }
        self.client = ClientConnection(
            ClientConfig(
                HmacDrbg(b"seed of the fuzzed client......."),
                None,
                None,
                None,
                psks=((KEY_NAME, KEY, 32),),
                psk_modes=(0,),
                **options,
            )
        )
        server = ServerConfig(
            HmacDrbg(b"seed of the fuzzed server......."),
            psk={KEY_NAME: (KEY, 32)}.get,
            cookie_key=(None, bytes(32))[draw.byte() & 1],
            **options,
        )
        self.listener = Listener(server, 2)
        self.air = []  # (to the server, datagram)

    def session(self):
        """Return the server's end, None if there is none."""
        found = [one.connection for one in self.listener.sessions if one is not None]
        return found[0] if found else None

    def speak(self):
        """Take what both ends have to say."""
        buffer = bytearray(BUFFER_BYTES)
        while size := quiet_on_error(self.client.datagram_into, buffer):
            self.hear(True, buffer[:size])
        while size := self.listener.datagram_into(buffer)[0]:
            self.hear(False, buffer[:size])

    def hear(self, to_server, datagram):
        self.said += 1
        assert self.said < TALK_MAX, "they talk without end"
        self.air.append((to_server, bytes(datagram)))

    def arrive(self, to_server, datagram):
        """Give an end a datagram, and have it read what is in it."""
        buffer = bytearray(datagram)
        if to_server:
            session = self.listener.receive(PEER, buffer)
            while session is not None and session.connection.read() is not None:
                pass
        else:
            quiet_on_error(self.client.receive_datagram, buffer)
            while quiet_on_error(self.client.read) is not None:
                pass

    def step(self, changes):
        """Let what is in the air arrive, as it is or as the fuzzer wants it; time passes."""
        self.speak()
        air, self.air = self.air, []
        if changes and self.draw.byte() & 1:
            air.reverse()
        for to_server, datagram in air:
            for piece in fate(self.draw, datagram) if changes else [datagram]:
                self.arrive(to_server, piece)
        self.now += STEP_MS

    def settle(self):
        """Let the network be a good one until nothing is to be done any more."""
        until = self.now + 2 * HANDSHAKE_MS_MAX
        while self.now < until:
            self.step(False)


def quiet_on_error(call, *arguments):
    """Return what a call returns, None if it raises what it may."""
    try:
        return call(*arguments)
    except TlsError:
        return None


def fate(draw, datagram):
    """Return what arrives of a datagram."""
    what = draw.below(10)
    if what < 3:
        return [datagram]
    if what == 3:
        return []
    if what == 4:
        return [datagram, datagram]
    if what == 5:
        return [junk(draw), datagram]
    return [changed(draw, bytearray(datagram)), *([datagram] if what > 7 else [])]


def changed(draw, datagram):
    """Return a datagram with something changed: its fields, its end, some of its octets."""
    at = draw.below(len(datagram))
    what = draw.below(6)
    if what == 0:
        del datagram[at:]
    elif what == 1:
        datagram[TYPE_AT] = draw.byte()
    elif what == 2:
        datagram[EPOCH_AT : EPOCH_AT + 8] = (draw.octets() + bytes(8))[:8]
    elif what == 3:
        datagram[LENGTH_AT : LENGTH_AT + 2] = (draw.octets() + bytes(2))[:2]
    elif what == 4:  # the header of a message or of its fragment
        at = min(HEADER_BYTES + draw.below(12), len(datagram) - 1)
        datagram[at] ^= 1 + draw.below(255)
    else:
        put = draw.octets()
        datagram[at : at + len(put)] = put
    return datagram


def junk(draw):
    """Return a datagram of drawn content that looks like one of the peer's."""
    content = draw.octets()
    number = bytes(4) + draw.octets()[:2] + bytes(2)
    kind = (20, 21, 22, 23, 25, draw.byte())[draw.below(6)]
    if kind == 22:
        body = draw.octets()
        numbers = bytes((0, draw.below(8), 0, 0, draw.below(4)))
        length = len(body).to_bytes(3, "big")
        content = bytes((draw.below(26),)) + length + numbers + length + body
    header = bytes((kind, 0xFE, 0xFD, 0, draw.byte() & 1)) + number[:6]
    return header + len(content).to_bytes(2, "big") + content


def dtls_handshake(_fixtures, draw):
    """Datagrams of a handshake are lost, doubled, reordered, changed, and others come."""
    path = Path(draw)
    steps = 0
    while not draw.spent() and steps < 30:
        path.step(True)
        steps += 1
    path.settle()
    server = path.session()
    if server is not None and (path.client.state, server.state) == (CONNECTED, CONNECTED):
        exported = [end.export(b"EXPORTER-hil", None, 32) for end in (path.client, server)]
        assert exported[0] == exported[1], "connected with different keys"


def dtls_flood(_fixtures, draw):
    """Nothing but what is said by somebody without keys: the session goes on."""
    path = Path(draw)
    path.settle()
    server = path.session()
    assert (path.client.state, server.state) == (CONNECTED, CONNECTED)
    buffer = bytearray(BUFFER_BYTES)
    genuine = bytes(buffer[: path.client.write_into(b"genuine", buffer)])
    for _ in range(8):
        broken = bytearray(genuine)
        broken[draw.below(len(broken))] ^= 1 + draw.below(255)
        for piece in (junk(draw), broken):
            path.arrive(True, piece)
            path.arrive(False, piece)
    session = path.listener.receive(PEER, bytearray(genuine))
    assert bytes(session.connection.read()) == b"genuine"
    assert (path.client.state, path.session().state) == (CONNECTED, CONNECTED)


def dtls_established(_fixtures, draw):
    """Records of drawn types and contents under the right key."""
    path = Path(draw)
    path.settle()
    source, sink = path.client.hand_over(), path.session()
    if draw.byte() & 1:
        source, sink = sink, source
    for _ in range(1 + draw.below(8)):
        content = draw.octets()
        protection = source._sealing()
        record = bytearray(protection.overhead_bytes + len(content))
        at = protection.header_bytes + protection.explicit_bytes
        record[at : at + len(content)] = content
        protection.seal(record, 0, TYPES[draw.below(6)], len(content))
        source._sequence += 1
        quiet_on_error(sink.receive_datagram, record)
        while quiet_on_error(sink.read) is not None:
            pass
        if sink.state != CONNECTED:
            return
        size = sink.datagram_into(bytearray(BUFFER_BYTES))
        assert size < BUFFER_BYTES


TARGETS = (
    ("dtls_handshake", dtls_handshake, 150),
    ("dtls_flood", dtls_flood, 100),
    ("dtls_established", dtls_established, 150),
)
