"""The state machine of the handshake as a table: the client's; server_states.py has the server's.

A state says what is awaited. A row (state, message, handler, next states, flags) says: in this
state this message is welcome, that method of the connection takes it, and it answers with one of
those states. A message without a row is refused with unexpected_message (RFC 8446 §4: "A peer
which receives a handshake message in an unexpected order MUST abort the handshake"). Messages
after the handshake are rows too, so what is not listed here cannot happen.

Rows are constant tuples: frozen into an image they cost no RAM. The tables follow the figures of
RFC 8446 appendix A. Calling the handlers is the job of handshake.py.
"""

from tlscore.compat import const

# Handshake types, as in codepoints.py: only constants of the same module are folded into rows.
_SERVER_HELLO = const(2)
_NEW_SESSION_TICKET = const(4)
_ENCRYPTED_EXTENSIONS = const(8)
_CERTIFICATE = const(11)
_CERTIFICATE_REQUEST = const(13)
_CERTIFICATE_VERIFY = const(15)
_FINISHED = const(20)
_KEY_UPDATE = const(24)

WAIT_SERVER_HELLO = const(1)
WAIT_SECOND_SERVER_HELLO = const(2)  # a HelloRetryRequest came and was answered
WAIT_ENCRYPTED_EXTENSIONS = const(3)
WAIT_CERTIFICATE_OR_REQUEST = const(4)
WAIT_CERTIFICATE = const(5)
WAIT_CERTIFICATE_VERIFY = const(6)
WAIT_FINISHED = const(7)
# 8 to 11: server_states.py
CONNECTED = const(12)
CLOSED = const(13)  # close_notify went both ways, or the caller gave up the handshake
FAILED = const(14)

STATE_NAMES = (
    (WAIT_SERVER_HELLO, "WAIT_SERVER_HELLO"),
    (WAIT_SECOND_SERVER_HELLO, "WAIT_SECOND_SERVER_HELLO"),
    (WAIT_ENCRYPTED_EXTENSIONS, "WAIT_ENCRYPTED_EXTENSIONS"),
    (WAIT_CERTIFICATE_OR_REQUEST, "WAIT_CERTIFICATE_OR_REQUEST"),
    (WAIT_CERTIFICATE, "WAIT_CERTIFICATE"),
    (WAIT_CERTIFICATE_VERIFY, "WAIT_CERTIFICATE_VERIFY"),
    (WAIT_FINISHED, "WAIT_FINISHED"),
    (CONNECTED, "CONNECTED"),
    (CLOSED, "CLOSED"),
    (FAILED, "FAILED"),
)

# Columns of a row.
STATE = const(0)
MESSAGE = const(1)
ALIGNED = const(2)  # RFC 8446 §5.1: a message that may precede a key change must end its record
OPENER = const(3)  # method that makes the PushParser of a message too long to be held, or None
HANDLER = const(
    4
)  # method that takes the message: a memoryview, or the PushParser that has seen it all
NEXT_STATES = const(5)

CLIENT = (
    (
        WAIT_SERVER_HELLO,
        _SERVER_HELLO,
        True,
        None,
        "_on_server_hello",
        (WAIT_ENCRYPTED_EXTENSIONS, WAIT_SECOND_SERVER_HELLO),
    ),
    (
        WAIT_SECOND_SERVER_HELLO,
        _SERVER_HELLO,
        True,
        None,
        "_on_server_hello",
        (WAIT_ENCRYPTED_EXTENSIONS,),
    ),
    (
        WAIT_ENCRYPTED_EXTENSIONS,
        _ENCRYPTED_EXTENSIONS,
        False,
        None,
        "_on_encrypted_extensions",
        (WAIT_CERTIFICATE_OR_REQUEST, WAIT_FINISHED),
    ),
    (
        WAIT_CERTIFICATE_OR_REQUEST,
        _CERTIFICATE_REQUEST,
        False,
        None,
        "_on_certificate_request",
        (WAIT_CERTIFICATE,),
    ),
    (
        WAIT_CERTIFICATE_OR_REQUEST,
        _CERTIFICATE,
        False,
        "_open_certificate",
        "_on_certificate",
        (WAIT_CERTIFICATE_VERIFY,),
    ),
    (
        WAIT_CERTIFICATE,
        _CERTIFICATE,
        False,
        "_open_certificate",
        "_on_certificate",
        (WAIT_CERTIFICATE_VERIFY,),
    ),
    (
        WAIT_CERTIFICATE_VERIFY,
        _CERTIFICATE_VERIFY,
        False,
        None,
        "_on_certificate_verify",
        (WAIT_FINISHED,),
    ),
    (WAIT_FINISHED, _FINISHED, True, None, "_on_finished", (CONNECTED,)),
    (
        CONNECTED,
        _NEW_SESSION_TICKET,
        False,
        "_open_new_session_ticket",
        "_on_new_session_ticket",
        (CONNECTED,),
    ),
    (CONNECTED, _KEY_UPDATE, True, None, "_on_key_update", (CONNECTED,)),
)


def find(table, state, message):
    """Return the row for a message in a state, or None if the message is not welcome."""
    for row in table:
        if row[STATE] == state and row[MESSAGE] == message:
            return row
    return None
