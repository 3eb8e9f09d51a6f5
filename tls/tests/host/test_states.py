"""Every message type in every state of the client: exactly those of RFC 8446 are welcome."""

import pytest
from server_messages import P256, message

from tlscore import codepoints, states
from tlscore.errors import PeerMisbehaved, TlsError

# RFC 8446 appendix A.1 and §4.6, written down independently of the table under test.
WELCOME = {
    ("WAIT_SERVER_HELLO", 2),
    ("WAIT_SECOND_SERVER_HELLO", 2),
    ("WAIT_ENCRYPTED_EXTENSIONS", 8),
    ("WAIT_CERTIFICATE_OR_REQUEST", 11),
    ("WAIT_CERTIFICATE_OR_REQUEST", 13),
    ("WAIT_CERTIFICATE", 11),
    ("WAIT_CERTIFICATE_VERIFY", 15),
    ("WAIT_FINISHED", 20),
    ("CONNECTED", 4),
    ("CONNECTED", 24),
}
# Every type that TLS ever assigned, and three it did not.
MESSAGE_TYPES = [*range(26), 67, 99, 203, 254, 255]


def wait_server_hello(pair):
    both = pair()
    both.client_speaks()
    return both


def wait_second_server_hello(pair):
    both = pair(retry_group=P256)
    both.client_speaks()
    both.tell_plain(both.server.hello_retry_request())
    return both


def after(last, request_certificate=False):
    def reach(pair):
        both = pair(request_certificate=request_certificate)
        both.hello()
        if last is not None:
            both.tell_until(last)
        return both

    return reach


REACH = {
    "WAIT_SERVER_HELLO": wait_server_hello,
    "WAIT_SECOND_SERVER_HELLO": wait_second_server_hello,
    "WAIT_ENCRYPTED_EXTENSIONS": after(None),
    "WAIT_CERTIFICATE_OR_REQUEST": after(8),
    "WAIT_CERTIFICATE": after(13, request_certificate=True),
    "WAIT_CERTIFICATE_VERIFY": after(11),
    "WAIT_FINISHED": after(15),
    "CONNECTED": lambda pair: pair().connect(),
}


@pytest.mark.parametrize("state", REACH)
def test_only_the_messages_of_the_rfc_are_welcome(pair, state):
    for message_type in MESSAGE_TYPES:
        both = REACH[state](pair)
        assert dict(states.STATE_NAMES)[both.client.state] == state
        refuse = both.refusal_plain if both.server.send_key is None else both.refusal_protected
        # No message is empty, so a welcome one is refused as well, but for what it is.
        reason, alert = refuse(message(message_type, b""))
        if (state, message_type) in WELCOME:
            assert (reason.split(".")[1], alert) == ("truncated", 50)
        else:
            assert (reason, alert) == ("handshake.unexpected_message", 10)


def by_key(last):
    def reach(pair):
        both = pair(config={"psks": ((b"key", bytes(32), 32),)}, psk=(0, bytes(32)))
        both.hello()
        if last is not None:
            both.tell_until(last)
        return both

    return reach


@pytest.mark.parametrize(
    ("last", "state"), [(None, "WAIT_ENCRYPTED_EXTENSIONS"), (8, "WAIT_FINISHED")]
)
def test_with_a_key_only_encrypted_extensions_and_finished_are_welcome(pair, last, state):
    for message_type in MESSAGE_TYPES:
        both = by_key(last)(pair)
        assert dict(states.STATE_NAMES)[both.client.state] == state
        reason, alert = both.refusal_protected(message(message_type, b""))
        if (state, message_type) in WELCOME:
            assert (reason.split(".")[1], alert) == ("truncated", 50)
        else:
            assert (reason, alert) == ("handshake.unexpected_message", 10)


@pytest.mark.parametrize("state", REACH)
def test_a_message_is_judged_by_its_header_alone(pair, state):
    both = REACH[state](pair)
    refuse = both.refusal_plain if both.server.send_key is None else both.refusal_protected
    # A ClientHello announced with 16 MB: nothing of it has to arrive.
    assert refuse(b"\x01\xff\xff\xff") == ("handshake.unexpected_message", 10)


def test_every_state_is_reached():
    final = {"CLOSED", "FAILED"}
    assert set(REACH) | final == {name for _, name in states.STATE_NAMES}


def test_rows_lead_to_states_with_rows():
    for row in states.CLIENT:
        for state in row[states.NEXT_STATES]:
            assert any(other[states.STATE] == state for other in states.CLIENT)


def test_messages_that_precede_a_key_change_must_end_their_record():
    # RFC 8446 §5.1 names them; the client receives three.
    aligned = {row[states.MESSAGE] for row in states.CLIENT if row[states.ALIGNED]}
    assert aligned == {2, 20, 24}


@pytest.mark.parametrize("state", ["WAIT_SERVER_HELLO", "WAIT_FINISHED", "CONNECTED"])
def test_a_failed_connection_stays_failed(pair, state):
    both = REACH[state](pair)
    with pytest.raises(PeerMisbehaved):
        both.client.receive(b"\xff" * 5)
    assert both.client.state == states.FAILED


def test_a_handler_that_leaves_the_table_ends_the_connection(pair, monkeypatch):
    both = pair()
    both.hello()
    monkeypatch.setattr(both.client, "_on_encrypted_extensions", lambda _message: states.CONNECTED)
    with pytest.raises(TlsError, match=r"states\.undeclared_step"):
        both.tell_until(8)
    both.client_speaks()
    assert both.server.alerts == [(2, 80)]


def test_the_types_in_the_table_are_those_of_codepoints():
    names = ("SERVER_HELLO", "NEW_SESSION_TICKET", "ENCRYPTED_EXTENSIONS", "CERTIFICATE")
    names += ("CERTIFICATE_REQUEST", "CERTIFICATE_VERIFY", "FINISHED", "KEY_UPDATE")
    for name in names:
        assert getattr(states, "_" + name) == getattr(codepoints, name)
