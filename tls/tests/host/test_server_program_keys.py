"""What `python -m tlscore server` makes of pre-shared keys, over sockets: alert or connection."""

import pytest
from client_messages import ClientHello
from peer_programs import Desk
from program_bench import ProgramBench
from server_messages import plain_record, vector
from test_server_psk import KEY, offered, with_keys

ILLEGAL, DECODE, DECRYPT, MISSING = 47, 50, 51, 109
NAME = b"first"
TICKETS = 2


@pytest.fixture(scope="module")
def program(tmp_path_factory, identities):
    """(port, key log) of a server that echoes, knows one key and gives tickets."""
    desk = Desk(tmp_path_factory.mktemp("program"), identities)
    keylog = desk.directory / "keys"
    keylog.touch()
    key = ("--psk-identity", NAME.decode(), "--psk", KEY.hex(), "--tickets", str(TICKETS))
    yield int(desk.serve("--keylog", str(keylog), *key)), keylog
    for server in desk.servers:
        server.kill()
        server.communicate()


@pytest.fixture
def one(program):
    """A connection to the program."""
    one = ProgramBench(*program)
    yield one
    one.close()


def connects(one, hello):
    one.hello(hello)
    one.send(one.finished())
    one.key = one._key("CLIENT_TRAFFIC_SECRET_0")
    return one.echoes()


def kinds(one):
    return [message[0] for message in one.flight]


def test_the_owner_of_the_key_needs_no_certificates(one):
    assert connects(one, with_keys([NAME]))
    assert kinds(one) == [2, 8, 20] + TICKETS * [4]


@pytest.mark.parametrize("index", [0, 1])
def test_whatever_else_is_offered_the_key_is_taken(one, index):
    names = [b"unknown", b"unknown too"]
    names.insert(index, NAME)
    assert connects(one, with_keys(names))
    assert 11 not in kinds(one)


def test_an_unknown_key_is_passed_over(one):
    assert connects(one, with_keys([b"unknown"]))
    assert kinds(one) == [2, 8, 11, 15, 20] + TICKETS * [4]


def flip(binders):
    binders[0] = binders[0][:-1] + bytes([binders[0][-1] ^ 1])


def lengthen(binders):
    binders[0] += b"\x00"


def keys(*content):
    return lambda: ClientHello().put(41, offered(*content))


REFUSED = [
    ("wrong binder", lambda: with_keys([NAME], change=flip), DECRYPT),
    ("long binder", lambda: with_keys([NAME], change=lengthen), DECRYPT),
    ("no binder", keys([(NAME, 0)], []), DECODE),
    ("two binders", keys([(NAME, 0)], [bytes(32)] * 2), ILLEGAL),
    ("short binder", keys([(NAME, 0)], [bytes(31)]), DECODE),
    ("no identity", keys([], [bytes(32)]), DECODE),
    ("empty identity", keys([(b"", 0)], [bytes(32)]), DECODE),
    ("not last", lambda: with_keys([NAME]).put(0x1234, b""), ILLEGAL),
    ("no modes", lambda: with_keys([NAME], ClientHello().put(45, None)), MISSING),
    ("empty modes", lambda: with_keys([NAME], ClientHello().put(45, vector(1, b""))), DECODE),
    ("a share without groups", lambda: with_keys([NAME], ClientHello().put(10, None)), MISSING),
]


@pytest.mark.parametrize(
    ("hello", "alert"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_offence_in_an_offer_of_keys(one, hello, alert):
    one.tell(plain_record(22, hello().encode()))
    assert one.verdict() == [alert]


def test_early_data_is_skipped_up_to_a_limit(one):
    hello = with_keys([NAME], ClientHello().put(42, b""))
    one.sent_messages += hello.encode()
    one.tell(plain_record(22, hello.encode()))
    one.take_flight()
    one.tell(plain_record(23, bytes(1000)) * 10)
    one.send(one.finished())
    one.key = one._key("CLIENT_TRAFFIC_SECRET_0")
    assert one.echoes()


def test_early_data_without_end_is_refused(one):
    hello = with_keys([NAME], ClientHello().put(42, b""))
    one.tell(plain_record(22, hello.encode()))
    one.take_flight()
    one.tell(plain_record(23, bytes(1000)) * 20)
    assert one.verdict() == [20]
