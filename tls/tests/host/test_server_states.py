"""Every message type in every state of the server: exactly those of RFC 8446 are welcome."""

import pytest
from client_messages import ClientHello
from server_messages import message, vector

from tlscore import codepoints, server_states, states
from tlscore.clock import FixedClock
from tlscore.trust import TrustAnchors, anchor_from_certificate

# RFC 8446 appendix A.2 and §4.6, written down independently of the table under test.
WELCOME = {
    ("WAIT_CLIENT_HELLO", 1),
    ("WAIT_SECOND_CLIENT_HELLO", 1),
    ("WAIT_CERTIFICATE", 11),
    ("WAIT_CERTIFICATE_VERIFY", 15),
    ("WAIT_FINISHED", 20),
    ("CONNECTED", 24),
}
MESSAGE_TYPES = [*range(26), 67, 99, 203, 254, 255]


@pytest.fixture(scope="module")
def reach(bench, identity):
    """Return a dict from state to a maker of a bench whose server is in it."""
    asking = {
        "clock": FixedClock(identity.utc_seconds),
        "trust": TrustAnchors([anchor_from_certificate(identity.root)]),
    }

    def certified():
        one = bench(**asking).hello()
        entries = b"".join(vector(3, der) + b"\x00\x00" for der in identity.chain)
        one.send(message(11, b"\x00" + vector(3, entries)))
        return one

    return {
        "WAIT_CLIENT_HELLO": bench,
        "WAIT_SECOND_CLIENT_HELLO": lambda: bench().hello(ClientHello().put(51, vector(2, b""))),
        "WAIT_CERTIFICATE": lambda: bench(**asking).hello(),
        "WAIT_CERTIFICATE_VERIFY": certified,
        "WAIT_FINISHED": lambda: bench().hello(),
        "CONNECTED": lambda: bench().connect(),
    }


STATES = [name for _, name in server_states.STATE_NAMES if name not in ("CLOSED", "FAILED")]


@pytest.mark.parametrize("state", STATES)
def test_only_the_messages_of_the_rfc_are_welcome(reach, state):
    for message_type in MESSAGE_TYPES:
        one = reach[state]()
        assert dict(server_states.STATE_NAMES)[one.server.state] == state
        # No message is empty, so a welcome one is refused as well, but for what it is.
        reason, alert = one.refusal_of(message(message_type, b""))
        if (state, message_type) in WELCOME:
            assert (reason.split(".")[1], alert) == ("truncated", 50)
        else:
            assert (reason, alert) == ("handshake.unexpected_message", 10)


def test_rows_lead_to_states_with_rows():
    for row in server_states.SERVER:
        for state in row[states.NEXT_STATES]:
            assert any(other[states.STATE] == state for other in server_states.SERVER)


def test_messages_that_precede_a_key_change_must_end_their_record():
    # RFC 8446 §5.1 names them; the server receives three.
    aligned = {row[states.MESSAGE] for row in server_states.SERVER if row[states.ALIGNED]}
    assert aligned == {1, 20, 24}


def test_the_numbers_in_the_table_are_those_of_codepoints_and_states():
    for name in ("CLIENT_HELLO", "CERTIFICATE", "CERTIFICATE_VERIFY", "FINISHED", "KEY_UPDATE"):
        assert getattr(server_states, "_" + name) == getattr(codepoints, name)
    for number, name in server_states.STATE_NAMES:
        assert getattr(states, name, number) == number
    others = {number for number, _ in states.STATE_NAMES}
    assert not {server_states.WAIT_CLIENT_HELLO, server_states.WAIT_SECOND_CLIENT_HELLO} & others
