"""Entry points for fuzzers: each takes any bytes and may raise PeerMisbehaved with an alert only.

`TARGETS` maps a name to such a function; `SEEDS` has well-formed inputs to start from. Used by
hypothesis here and meant for coverage-guided fuzzers as well.
"""

from client_messages import ClientHello
from server_messages import (
    RETRY_RANDOM,
    Certificate,
    CertificateRequest,
    CertificateVerify,
    EncryptedExtensions,
    NewSessionTicket,
    ServerHello,
    plain_record,
    vector,
)
from server_messages import (
    key_update as encode_key_update,
)

from tlscore import client_hello_parser, extensions, messages, session
from tlscore.clock import FixedClock
from tlscore.entropy import HmacDrbg
from tlscore.errors import PeerMisbehaved, UsageError
from tlscore.handshake import HandshakeReader
from tlscore.message_streams import CertificateParser
from tlscore.record import RecordReceiver
from tlscore.states import CLIENT, CONNECTED, find
from tlscore.ticket_stream import NewSessionTicketParser
from tlscore.tickets import Ticket, TicketKeys
from tlscore.tls12 import client_hello_parser as client_hello_parser12
from tlscore.tls12 import message_streams as message_streams12
from tlscore.tls12 import messages as messages12
from tlscore.tls12 import session as session12
from tlscore.tls12.record import RecordReceiver as RecordReceiver12
from tlscore.wire import Reader

OFFERED = (41, 0, 1, 10, 13, 16, 19, 20, 28, 43, 51)


TICKET_KEYS = TicketKeys(HmacDrbg(b"seed of the fuzzed ticket keys.."), FixedClock(0))


def _sealed_by_another():
    """Return a ticket with the name of our key that another key has sealed."""
    other = TicketKeys(HmacDrbg(b"seed of other ticket keys......."), FixedClock(0))
    ours, theirs = (keys.seal(Ticket(bytes(32), 0, 9)) for keys in (TICKET_KEYS, other))
    return ours[:8] + theirs[8:]


class AnyCertificate:
    """A chain verifier that accepts everything and checks how it is called."""

    def __init__(self):
        self.left = None

    def begin(self, length):
        assert self.left is None
        assert length > 0
        self.left = length

    def push(self, data):
        self.left -= len(data)
        assert self.left >= 0

    def end(self):
        assert self.left == 0
        self.left = None


def stream(parser, data):
    """Push `data` in pieces of uneven size."""
    position, step = 0, 1
    while position < len(data):
        parser.push(memoryview(data)[position : position + step])
        position += step
        step = step % 7 + 1


def client_hello(data):
    client_hello_parser.parse(memoryview(data))
    client_hello_parser.fingerprint(memoryview(data))


def server_hello(data):
    messages.parse_server_hello(memoryview(data), OFFERED)


def encrypted_extensions(data):
    messages.parse_encrypted_extensions(memoryview(data), OFFERED)


def certificate_request(data):
    messages.parse_certificate_request(memoryview(data))


def certificate_verify(data):
    messages.parse_certificate_verify(memoryview(data))


def finished(data):
    messages.parse_finished(memoryview(data), 32)


def key_update(data):
    messages.parse_key_update(memoryview(data))


def certificate(data):
    stream(CertificateParser(len(data), AnyCertificate(), OFFERED), data)


def new_session_ticket(data):
    parser = NewSessionTicketParser(len(data), 100)
    stream(parser, data)
    assert parser.ticket is None or len(parser.ticket) <= 100


def stored_session(data):
    try:
        kept = session.from_bytes(data)
    except UsageError:
        return
    assert kept.to_bytes() == data


def ticket(data):
    assert TICKET_KEYS.open(data) is None


def extension_block(data):
    extensions.parse(Reader(memoryview(data), "fuzz"), extensions.IN_CERTIFICATE_REQUEST)


class AnyHandshake:
    """A connected end that takes every message and does nothing."""

    def row_of(self, message_type):
        row = find(CLIENT, CONNECTED, message_type)
        if row is None:
            raise PeerMisbehaved("handshake.unexpected_message", 10)
        return row

    def hash_piece(self, data):
        pass

    def phase(self, name):
        pass

    def check_misaligned(self, message):
        pass

    def deliver(self, row, message):
        pass

    def _open_new_session_ticket(self, length):
        return NewSessionTicketParser(length)


def handshake_records(data):
    """Cut the first byte's worth of sizes: every record is as long as a byte of the data says."""
    reader, end = HandshakeReader(256), AnyHandshake()
    while data:
        size = 1 + data[0] % 64
        reader.push(end, memoryview(data)[1 : 1 + size])
        data = data[1 + size :]


def records(data):
    receiver = RecordReceiver(300)
    view = memoryview(data)
    while view:
        view = view[receiver.feed(view) :]
        if receiver.complete:
            receiver.open()
            receiver.next_record()


# --- TLS 1.2

OFFERED12 = (0, 1, 10, 11, 13, 16, 23, 28, 35, 0xFF01)


def client_hello12(data):
    body = memoryview(data)
    if client_hello_parser12.version_of(body, (0x0304, 0x0303)) == 0x0303:
        client_hello_parser12.parse(body)


def server_hello12(data):
    if messages12.is_of_tls12(memoryview(data)):
        messages12.parse_server_hello(memoryview(data), OFFERED12)


def server_key_exchange12(data):
    for kind in ((False, True), (True, False), (True, True)):
        try:
            messages12.parse_server_key_exchange(memoryview(data), *kind)
        except PeerMisbehaved as error:
            refusal = error
            continue
        return
    raise refusal


def client_key_exchange12(data):
    messages12.parse_client_key_exchange(memoryview(data), True, True)


def certificate_request12(data):
    messages12.parse_certificate_request(memoryview(data))


def certificate12(data):
    stream(message_streams12.CertificateParser(len(data), AnyCertificate(), True), data)


def new_session_ticket12(data):
    parser = message_streams12.NewSessionTicketParser(len(data), 100)
    stream(parser, data)
    assert parser.ticket is None or len(parser.ticket) <= 100


def stored_session12(data):
    try:
        kept = session12.from_bytes(data)
    except UsageError:
        return
    assert kept.to_bytes() == data


def records12(data):
    receiver = RecordReceiver12(300)
    receiver.use_tls12()
    view = memoryview(data)
    while view:
        view = view[receiver.feed(view) :]
        if receiver.complete:
            receiver.open()
            receiver.next_record()


TARGETS = {
    "client_hello12": client_hello12,
    "server_hello12": server_hello12,
    "server_key_exchange12": server_key_exchange12,
    "client_key_exchange12": client_key_exchange12,
    "certificate_request12": certificate_request12,
    "certificate12": certificate12,
    "new_session_ticket12": new_session_ticket12,
    "stored_session12": stored_session12,
    "records12": records12,
    "client_hello": client_hello,
    "server_hello": server_hello,
    "encrypted_extensions": encrypted_extensions,
    "certificate_request": certificate_request,
    "certificate_verify": certificate_verify,
    "finished": finished,
    "key_update": key_update,
    "certificate": certificate,
    "new_session_ticket": new_session_ticket,
    "stored_session": stored_session,
    "ticket": ticket,
    "extension_block": extension_block,
    "handshake_records": handshake_records,
    "records": records,
}

_HELLO_EXTENSIONS = [(43, b"\x03\x04"), (51, b"\x00\x1d" + vector(2, bytes(32)))]
_RETRY_EXTENSIONS = [
    (43, b"\x03\x04"),
    (51, b"\x00\x17"),
    (44, vector(2, b"cookie")),
]
_KEYS = vector(2, vector(2, b"key") + bytes(4)) + vector(2, vector(1, bytes(32)))
_TICKET = NewSessionTicket(extensions=[(42, b"\x00\x00\x40\x00")]).encode()
_HELLO12 = (0x0303).to_bytes(2, "big") + bytes(32) + vector(1, bytes(32))
_ANSWERS12 = [(23, b""), (35, b""), (0xFF01, b"\x00"), (11, b"\x01\x00"), (16, b"\x00\x03\x02h2")]
_OFFERS12 = [
    *_ANSWERS12[:4],
    (0, vector(2, b"\x00" + vector(2, b"server.example"))),
    (10, b"\x00\x02\x00\x1d"),
    (13, b"\x00\x04\x04\x03\x08\x04"),
    (28, b"\x10\x01"),
]


def _block12(extensions_):
    return vector(2, b"".join(kind.to_bytes(2, "big") + vector(2, x) for kind, x in extensions_))


_EXCHANGE12 = b"\x03\x00\x1d" + vector(1, bytes(32))
SEEDS = {
    "client_hello12": [
        _HELLO12 + vector(2, b"\xc0\x2b\x00\xff") + b"\x01\x00" + _block12(_OFFERS12),
        _HELLO12 + vector(2, b"\xc0\x2b\xc0\x2f") + b"\x01\x00",
    ],
    "server_hello12": [
        _HELLO12 + b"\xc0\x2b\x00" + _block12(_ANSWERS12),
        _HELLO12 + b"\xc0\x2b\x00",
    ],
    "server_key_exchange12": [
        _EXCHANGE12 + b"\x04\x03" + vector(2, bytes(70)),
        vector(2, b"hint") + _EXCHANGE12,
        vector(2, b"hint"),
    ],
    "client_key_exchange12": [vector(2, b"identity") + vector(1, bytes(32))],
    "certificate_request12": [
        b"\x02\x01\x40" + vector(2, b"\x04\x03\x04\x01") + vector(2, vector(2, b"name"))
    ],
    "certificate12": [vector(3, vector(3, bytes(300)) + vector(3, bytes(5))), vector(3, b"")],
    "new_session_ticket12": [bytes(4) + vector(2, b"ticket"), bytes(4) + vector(2, b"")],
    "stored_session12": [
        session12.Session(b"", b"ticket", bytes(48), 7, 8, 9, 10, "x.example", b"me").to_bytes(),
        session12.Session(b"id", b"", bytes(48), 7, 8, 9, 10, "", b"").to_bytes(),
    ],
    "records12": [plain_record(22, b"abc") + plain_record(21, b"\x02\x28")],
    "stored_session": [
        session.Session(b"ticket", bytes(32), 7200, 7, 8, 9, "server.example", b"h2").to_bytes()
    ],
    "ticket": [_sealed_by_another()],
    "client_hello": [
        ClientHello().put(41, _KEYS).encode()[4:],
        ClientHello().put(16, b"\x00\x03\x02h2").put(28, b"\x10\x01").encode()[4:],
        ClientHello()
        .put(1, b"\x01")
        .put(19, b"\x02\x02\x00")
        .put(20, b"\x01\x02")
        .put(44, vector(2, b"cookie"))
        .put(47, vector(2, vector(2, b"name")))
        .encode()[4:],
    ],
    "server_hello": [
        ServerHello(bytes(32), bytes(32), 0x1301, _HELLO_EXTENSIONS).encode()[4:],
        ServerHello(bytes(32), b"", 0x1301, [(43, b"\x03\x04"), (41, b"\x00\x01")]).encode()[4:],
        ServerHello(RETRY_RANDOM, b"", 0x1301, _RETRY_EXTENSIONS).encode()[4:],
        ServerHello(bytes(32), b"", 0xC02B, None).encode()[4:],
    ],
    "encrypted_extensions": [
        EncryptedExtensions(
            [(0, b""), (10, b"\x00\x02\x00\x1d"), (16, b"\x00\x03\x02h2")]
        ).encode()[4:],
        EncryptedExtensions([(1, b"\x01"), (19, b"\x02"), (20, b"\x02")]).encode()[4:],
        EncryptedExtensions([(28, b"\x40\x01")]).encode()[4:],
    ],
    "certificate_request": [
        CertificateRequest([(13, b"\x00\x02\x04\x03"), (0x0A0A, b"")]).encode()[4:],
        CertificateRequest(
            [
                (13, b"\x00\x02\x04\x03"),
                (47, vector(2, vector(2, b"name"))),
                (50, b"\x00\x02\x04\x01"),
            ]
        ).encode()[4:],
    ],
    "certificate_verify": [CertificateVerify(0x0403, bytes(70)).encode()[4:]],
    "finished": [bytes(32)],
    "key_update": [b"\x00", b"\x01"],
    "certificate": [Certificate([(bytes(300), []), (bytes(5), [])]).encode()[4:]],
    "new_session_ticket": [_TICKET[4:]],
    "extension_block": [bytes.fromhex("000d0004000204030a0a0000")],
    "handshake_records": [b"\x3f" + _TICKET[:64] + b"\x05" + encode_key_update(1)],
    "records": [plain_record(22, b"abc") + plain_record(21, b"\x02\x28")],
}
