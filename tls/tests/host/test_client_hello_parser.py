"""Whatever arrives instead of a ClientHello, it is understood or refused with an alert."""

from client_messages import EXTENSIONS, ClientHello
from hypothesis import given, settings
from hypothesis import strategies as st
from server_messages import plain_record, vector
from test_fuzz import CHANGES, changed, offence

from tlscore import client_hello_parser, states
from tlscore.errors import AlertReceived

FUZZ = settings(max_examples=200, deadline=None, derandomize=True, database=None)
HELLO = (
    ClientHello()
    .put(16, vector(2, b"\x02h2\x08http/1.1"))
    .put(28, b"\x10\x01")
    .put(42, b"")
    .put(49, b"")
    .put(21, bytes(7))
    .encode()
)


def parse(data):
    hello = client_hello_parser.parse(memoryview(data))
    # What parse has accepted can be looked into without a further check.
    client_hello_parser.share_of(hello.shares, 0x001D) if hello.shares is not None else None
    client_hello_parser.fingerprint(memoryview(data))


@FUZZ
@given(changes=CHANGES)
def test_changed_messages_are_understood_or_refused(changes):
    offence(parse, changed(HELLO[4:], changes))


@FUZZ
@given(data=st.binary(max_size=300))
def test_arbitrary_bytes_are_understood_or_refused(data):
    offence(parse, data)


@FUZZ
@given(bodies=st.lists(st.tuples(st.integers(0, 60), st.binary(max_size=40)), max_size=8))
def test_arbitrary_extensions_are_understood_or_refused(bodies):
    offence(parse, ClientHello(extensions=[*EXTENSIONS, *bodies]).encode()[4:])


def feed(one, data):
    try:
        return offence(one.server.receive, data) is None
    except AlertReceived:
        return False


@settings(FUZZ, max_examples=60)
@given(changes=CHANGES, sizes=st.lists(st.integers(1, 300), max_size=5))
def test_the_server_survives_any_client_hello(bench, changes, sizes):
    one, stream = bench(alpn=(b"h2",)), changed(HELLO, changes)
    for size in [*sizes, len(stream)]:
        if stream and not feed(one, plain_record(22, stream[:size])):
            break
        stream = stream[size:]
    one.listen()
    assert one.server.state != states.CONNECTED


@settings(FUZZ, max_examples=60)
@given(changes=CHANGES)
def test_the_server_never_connects_over_a_changed_finished(bench, changes):
    one = bench().hello()
    finished = changed(one.finished(), changes)
    if feed(one, one.key.protect(22, finished)) and finished != one.finished():
        assert one.server.state != states.CONNECTED


@settings(FUZZ, max_examples=60)
@given(
    contents=st.lists(
        st.tuples(st.sampled_from([20, 21, 22, 23, 0, 24]), st.binary(max_size=40)), max_size=6
    )
)
def test_a_connected_server_survives_any_records(bench, contents):
    one = bench().connect()
    for content_type, content in contents:
        if not feed(one, one.key.protect(content_type, content)):
            break
        one.server.read()
