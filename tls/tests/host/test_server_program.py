"""What `python -m tlscore server` answers to every offence, over sockets: alert and close.

The rows follow what the public test suites of TLS 1.3 are known to ask of a server. Offences in a
ClientHello are the tables of test_server_refusals.py, told to the program here as they are told to
a connection there.
"""

import pytest
from client_messages import EXTENSIONS, ClientHello, codes
from peer_programs import Desk
from program_bench import ProgramBench
from server_messages import key_update, message, plain_record, vector
from test_server_refusals import CHOICE, FORM, HARMLESS

UNEXPECTED, BAD_RECORD_MAC, OVERFLOW, ILLEGAL, DECODE, DECRYPT = 10, 20, 22, 47, 50, 51
CCS = plain_record(20, b"\x01")
HELLO = ClientHello().encode()


@pytest.fixture(scope="module")
def program(tmp_path_factory, identities):
    """(port, key log) of a server that echoes."""
    desk = Desk(tmp_path_factory.mktemp("program"), identities)
    keylog = desk.directory / "keys"
    keylog.touch()
    options = ("--keylog", str(keylog), "--alpn", "h2", "--suites", SUITES)
    yield int(desk.serve(*options)), keylog
    for server in desk.servers:
        server.kill()
        server.communicate()


SUITES = "TLS_AES_128_GCM_SHA256,TLS_CHACHA20_POLY1305_SHA256"


@pytest.fixture
def one(program):
    """A connection to the program."""
    one = ProgramBench(*program)
    yield one
    one.close()


def told(*records):
    """Say records before anything else."""
    return lambda one: one.tell(b"".join(records))


def in_records(data, size):
    return [plain_record(22, data[at : at + size]) for at in range(0, len(data), size)]


FIRST = [
    ("empty record", told(plain_record(22, b"")), UNEXPECTED),
    ("change_cipher_spec", told(CCS), UNEXPECTED),
    ("application data", told(plain_record(23, b"x" * 40)), UNEXPECTED),
    ("type 0", told(plain_record(0, b"x")), UNEXPECTED),
    ("type 24, heartbeat", told(plain_record(24, b"\x01\x00\x00")), UNEXPECTED),
    ("type 255", told(plain_record(255, b"x")), UNEXPECTED),
    ("16385 bytes", told(b"\x16\x03\x01\x40\x01"), OVERFLOW),
    ("65535 bytes", told(b"\x16\x03\x01\xff\xff"), OVERFLOW),
    ("half an alert", told(plain_record(21, b"\x02")), DECODE),
    ("an alert and a half", told(plain_record(21, b"\x02\x28\x02")), DECODE),
    ("two alerts", told(plain_record(21, b"\x02\x28\x02\x28")), DECODE),
    ("no alert", told(plain_record(21, b"")), UNEXPECTED),
    ("alert inside", told(*in_records(HELLO, 100)[:1], plain_record(21, b"\x01\x00")), UNEXPECTED),
    ("ccs inside", told(*in_records(HELLO, 100)[:1], CCS), UNEXPECTED),
    ("empty inside", told(*in_records(HELLO, 100)[:1], plain_record(22, b"")), UNEXPECTED),
    ("data inside", told(*in_records(HELLO, 100)[:1], plain_record(23, b"x")), UNEXPECTED),
    ("trailing octet", told(plain_record(22, HELLO + b"\x14")), UNEXPECTED),
    ("another message behind", told(plain_record(22, HELLO + HELLO)), UNEXPECTED),
    ("endless", told(plain_record(22, b"\x01\xff\xff\xff" + HELLO)), ILLEGAL),
    ("http", told(b"GET / HTTP/1.1\r\n\r\n"), UNEXPECTED),
    ("sslv2", told(b"\x80\x2e\x01\x03\x01\x00\x15\x00\x00\x00\x10"), UNEXPECTED),
] + [
    ("message {}".format(kind), told(plain_record(22, message(kind, bytes(40)))), UNEXPECTED)
    for kind in (0, 2, 3, 4, 5, 6, 8, 11, 12, 13, 14, 15, 16, 20, 22, 24, 25, 67, 254, 255)
]


@pytest.mark.parametrize(("offend", "alert"), [row[1:] for row in FIRST], ids=[r[0] for r in FIRST])
def test_offence_instead_of_a_hello(one, offend, alert):
    offend(one)
    assert one.verdict() == [alert]


@pytest.mark.parametrize(("change", "_reason", "alert"), FORM)
def test_client_hello_that_breaks_a_rule(one, change, _reason, alert):
    hello = ClientHello()
    change(hello)
    one.tell(plain_record(22, hello.encode()))
    assert one.verdict() == [alert]


@pytest.mark.parametrize(
    ("change", "_reason", "alert"), [row for row in CHOICE if "server_name" not in row[1]]
)
def test_offer_that_cannot_be_met(one, change, _reason, alert):
    hello = ClientHello()
    change(hello)
    one.tell(plain_record(22, hello.encode()))
    assert one.verdict() == [alert]


def speaks(one, encoded, record_bytes=16384):
    """Send a ClientHello, finish the handshake and tell whether the echo is there."""
    one.sent_messages += encoded
    one.tell(b"".join(in_records(encoded, record_bytes)))
    one.take_flight()
    one.send(one.finished())
    one.key = one._key("CLIENT_TRAFFIC_SECRET_0")
    return one.echoes()


def grown(size):
    """Return a ClientHello with so much padding."""
    return ClientHello().put(21, bytes(size))


def crowded(count):
    """Return a ClientHello with so many extensions nobody knows."""
    more = [(0x2000 + number, b"") for number in range(count)]
    return ClientHello(extensions=[*EXTENSIONS, *more])


UNUSUAL = [
    *HARMLESS[:-1],  # the last one is about another protocol
    lambda hello: hello.put(16, vector(2, vector(1, b"h2"))),
    lambda hello: setattr(hello, "legacy_version", 0xFFFF),
    lambda hello: setattr(hello, "suites", codes(*range(0x2A00, 0x2A00 + 4000), 0x1301)),
    lambda hello: hello.put(13, codes(*range(0x3A00, 0x3A00 + 1000), 0x0403)),
    lambda hello: hello.put(10, codes(*range(0x4A00, 0x4A00 + 100), 0x001D, 0x0017)),
    lambda hello: hello.put(43, vector(1, b"\x0a\x0a" * 120 + b"\x03\x04")),
]


@pytest.mark.parametrize("change", UNUSUAL)
def test_unusual_but_right(one, change):
    hello = ClientHello()
    change(hello)
    assert speaks(one, hello.encode())


@pytest.mark.parametrize("hello", [grown(16000), grown(60000), crowded(16000)])
def test_large_client_hello(one, hello):
    assert speaks(one, hello.encode())


@pytest.mark.parametrize("size", [1, 2, 3, 5, 64])
def test_client_hello_in_pieces(one, size):
    assert speaks(one, HELLO, size)


@pytest.mark.parametrize("version", [0x0000, 0x0300, 0x0304, 0xFFFF])
def test_the_version_of_a_record_is_ignored(one, version):
    assert one.hello(version=version).flight[0][0] == 2


# --- after the ServerHello: (name, content or records, content type, alert)


def sealed(content, content_type=22, **options):
    return lambda one: one.tell(one.key.protect(content_type, content, **options))


def plain(record):
    return lambda one: one.tell(record)


def finished(change):
    """Say the Finished, changed."""
    return lambda one: one.tell(
        b"".join(one.key.protect(22, piece) for piece in pieces_of(change(one.finished()), 16384))
    )


def pieces_of(data, size):
    return [data[at : at + size] for at in range(0, len(data), size)]


def with_length(body):
    return message(20, body)


def flipped(at):
    return lambda encoded: encoded[:at] + bytes([encoded[at] ^ 1]) + encoded[at + 1 :]


def damaged(one):
    record = bytearray(one.key.protect(22, one.finished()))
    record[-1] ^= 1
    one.tell(bytes(record))


SECOND = [
    ("plain handshake", plain(plain_record(22, message(20, bytes(32)))), UNEXPECTED),
    ("bad tag", damaged, BAD_RECORD_MAC),
    ("no bytes", plain(plain_record(23, b"")), BAD_RECORD_MAC),
    ("fewer bytes than a tag", plain(plain_record(23, bytes(15))), BAD_RECORD_MAC),
    ("a tag of nothing", plain(plain_record(23, bytes(16))), BAD_RECORD_MAC),
    ("16641 bytes", plain(b"\x17\x03\x03\x41\x01"), OVERFLOW),
    ("16640 bytes that open", sealed(bytes(16623)), OVERFLOW),
    ("16385 bytes of content", sealed(bytes(16385)), OVERFLOW),
    ("nothing but padding", sealed(b"", None, padding=20), UNEXPECTED),
    ("nothing at all", sealed(b"", None), UNEXPECTED),
    ("no handshake", sealed(b""), UNEXPECTED),
    ("no alert", sealed(b"", 21), UNEXPECTED),
    ("half an alert", sealed(b"\x02", 21), DECODE),
    ("two alerts", sealed(b"\x02\x28\x02\x28", 21), DECODE),
    ("protected change_cipher_spec", sealed(b"\x01", 20), UNEXPECTED),
    ("protected heartbeat", sealed(b"\x01\x00\x00", 24), UNEXPECTED),
    ("data", sealed(b"data", 23), UNEXPECTED),
    ("no data", sealed(b"", 23), UNEXPECTED),
    ("key update", sealed(key_update(0)), UNEXPECTED),
    ("second hello", sealed(HELLO), UNEXPECTED),
    ("certificate nobody asked for", sealed(message(11, bytes(4))), UNEXPECTED),
    ("certificate_verify", sealed(message(15, b"\x04\x03\x00\x00")), UNEXPECTED),
    ("end of early data", sealed(message(5, b"")), UNEXPECTED),
    ("ccs of 2", plain(plain_record(20, b"\x02")), UNEXPECTED),
    ("ccs twice in a record", plain(plain_record(20, b"\x01\x01")), UNEXPECTED),
    ("empty ccs", plain(plain_record(20, b"")), UNEXPECTED),
    ("ccs flood", plain(CCS * 40), UNEXPECTED),
    ("first bit of finished", finished(flipped(4)), DECRYPT),
    ("last bit of finished", finished(flipped(35)), DECRYPT),
    ("empty finished", finished(lambda _: with_length(b"")), DECODE),
    ("finished of 31", finished(lambda encoded: with_length(encoded[4:-1])), DECODE),
    ("finished of 12", finished(lambda encoded: with_length(encoded[4:16])), DECODE),
    ("finished of 33", finished(lambda encoded: with_length(encoded[4:] + b"\0")), DECODE),
    ("finished of a record", finished(lambda encoded: with_length(bytes(16380))), DECODE),
    ("finished of 128 KB", finished(lambda encoded: with_length(bytes(0x20000))), DECODE),
    ("finished of 16 MB", sealed(b"\x14\xff\xff\xff" + bytes(1000)), DECODE),
    ("finished and more", finished(lambda encoded: encoded + encoded[:1]), UNEXPECTED),
]


@pytest.mark.parametrize(
    ("offend", "alert"), [row[1:] for row in SECOND], ids=[row[0] for row in SECOND]
)
def test_offence_instead_of_finished(one, offend, alert):
    offend(one.hello())
    assert one.verdict() == [alert]


# --- connected

LATER = [
    ("change_cipher_spec", plain(CCS), UNEXPECTED),
    ("plain alert", plain(plain_record(21, b"\x02\x28")), UNEXPECTED),
    ("plain handshake", plain(plain_record(22, HELLO)), UNEXPECTED),
    ("renegotiation", sealed(HELLO), UNEXPECTED),
    ("hello request", sealed(message(0, b"")), UNEXPECTED),
    ("ticket", sealed(message(4, bytes(20))), UNEXPECTED),
    ("certificate", sealed(message(11, bytes(4))), UNEXPECTED),
    ("finished", sealed(message(20, bytes(32))), UNEXPECTED),
    ("key update of 2", sealed(key_update(2)), ILLEGAL),
    ("key update of 255", sealed(key_update(255)), ILLEGAL),
    ("empty key update", sealed(message(24, b"")), DECODE),
    ("long key update", sealed(message(24, bytes(2))), DECODE),
    ("key update of 16 MB", sealed(b"\x18\xff\xff\xff" + bytes(1000)), DECODE),
    ("key update and more", sealed(key_update(0) + key_update(0)), UNEXPECTED),
    ("data inside a key update", lambda one: [sealed(key_update(0)[:3])(one),
                                              sealed(b"x", 23)(one)], UNEXPECTED),
    ("no handshake", sealed(b""), UNEXPECTED),
    ("no alert", sealed(b"", 21), UNEXPECTED),
    ("half an alert", sealed(b"\x01", 21), DECODE),
    ("long alert", sealed(b"\x01\x00\x00", 21), DECODE),
    ("nothing but padding", sealed(b"", None, padding=100), UNEXPECTED),
    ("16385 bytes", sealed(bytes(16385), 23), OVERFLOW),
    ("empty records without end", lambda one: [sealed(b"", 23)(one) for _ in range(40)],
     UNEXPECTED),
]  # fmt: skip


@pytest.mark.parametrize(
    ("offend", "alert"), [row[1:] for row in LATER], ids=[row[0] for row in LATER]
)
def test_offence_when_connected(one, offend, alert):
    offend(one.connect())
    assert one.verdict() == [alert]


@pytest.mark.parametrize("level", [0, 1, 2, 255])
@pytest.mark.parametrize("code", [10, 40, 80, 99, 255])
def test_any_alert_but_closure_ends_it_without_an_answer(one, level, code):
    sealed(bytes([level, code]), 21)(one.connect())
    assert one.verdict() == []


def test_the_alert_arrives_though_the_client_goes_on_talking(one):
    one.hello()
    one.tell(one.key.protect(22, message(20, bytes(32))) + plain_record(23, bytes(16000)) * 100)
    assert one.verdict() == [DECRYPT]


def test_user_canceled_is_followed_by_closure(one):
    one.connect()
    one.send(b"\x01\x5a", 21)
    one.send(b"\x01\x00", 21)
    assert one.verdict() == [0]


@pytest.mark.parametrize("padding", [0, 1, 300])
def test_padding_and_sizes(one, padding):
    one.connect()
    for size in (1, 1000, 16384 - padding):
        sealed(bytes(size), 23, padding=padding)(one)
        one.listen(lambda size=size: len(one.data) >= size)
        assert one.data == bytes(size)
        one.data = b""


def test_thirty_two_key_updates_are_answered(one):
    one.connect()
    for _ in range(32):
        one.send(key_update(1))
        one.key = one.key.update()
    updates = []
    take = one._take

    def counting(record):
        take(record)
        if one.flight[-1][0] == 24:
            updates.append(one.flight.pop())
            one._their_key = one._their_key.update()

    one._take = counting
    assert one.echoes()
    assert 1 <= len(updates) <= 32
