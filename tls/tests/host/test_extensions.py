"""The rules every extension block is held to (RFC 8446 §4.2)."""

import pytest

from tlscore import extensions
from tlscore.errors import PeerMisbehaved
from tlscore.wire import Reader

# RFC 8446 §4.2, the table after "The table below indicates the messages where a given extension
# may appear", for the extensions a client may meet in an answer.
TABLE = {
    extensions.IN_SERVER_HELLO: {41, 43, 51},
    extensions.IN_HELLO_RETRY_REQUEST: {43, 44, 51},
    extensions.IN_ENCRYPTED_EXTENSIONS: {0, 1, 10, 14, 15, 16, 19, 20, 42} | {28},  # RFC 8449
    extensions.IN_CERTIFICATE: {5, 18},
    extensions.IN_CERTIFICATE_REQUEST: {5, 13, 18, 47, 48, 50} | {27},  # RFC 8879
    extensions.IN_NEW_SESSION_TICKET: {42},
}


def block(*types):
    return Reader(b"".join(kind.to_bytes(2, "big") + b"\x00\x01x" for kind in types), "m")


@pytest.mark.parametrize("message", TABLE)
def test_extensions_stand_where_the_rfc_puts_them(message):
    known = {row[0] for row in extensions.PERMITTED}
    assert {kind for kind in known if extensions.permitted(kind, message)} == TABLE[message]


def test_unknown_extensions_may_stand_anywhere():
    assert all(extensions.permitted(0x0A0A, message) for message in TABLE)


def test_contents_are_found_by_type():
    found = extensions.parse(block(47, 0x0A0A, 13), extensions.IN_CERTIFICATE_REQUEST)
    assert sorted(found) == [13, 47, 0x0A0A]
    assert found[13].rest() == b"x"


@pytest.mark.parametrize(
    ("types", "message", "offered", "reason", "alert"),
    [
        ((0, 0), extensions.IN_ENCRYPTED_EXTENSIONS, (0,), "duplicate_extension", 47),
        ((9, 9), extensions.IN_CERTIFICATE_REQUEST, None, "duplicate_extension", 47),
        ((51,), extensions.IN_ENCRYPTED_EXTENSIONS, (51,), "misplaced_extension", 47),
        ((16,), extensions.IN_ENCRYPTED_EXTENSIONS, (0,), "unsolicited_extension", 110),
        ((9,), extensions.IN_ENCRYPTED_EXTENSIONS, (0,), "unsolicited_extension", 110),
        (range(100, 133), extensions.IN_CERTIFICATE_REQUEST, None, "too_many_extensions", 47),
    ],
)
def test_a_block_that_breaks_the_rules_is_refused(types, message, offered, reason, alert):
    with pytest.raises(PeerMisbehaved) as caught:
        extensions.parse(block(*types), message, offered)
    assert (caught.value.reason, caught.value.alert) == ("m." + reason, alert)


def test_a_cookie_may_come_unasked_in_a_retry_only():
    extensions.parse(block(44), extensions.IN_HELLO_RETRY_REQUEST, (43, 51))
    with pytest.raises(PeerMisbehaved):
        extensions.parse(block(44), extensions.IN_SERVER_HELLO, (43, 51))


def test_find_looks_ahead_and_takes_nothing():
    reader = block(1, 2, 3)
    assert extensions.find(reader, 2).rest() == b"x"
    assert extensions.find(reader, 9) is None
    assert reader.remaining() == 15
