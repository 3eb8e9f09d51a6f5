"""The state machine of a server's handshake, in the form of states.py (RFC 8446 appendix A.2).

It has its own file so that a client does not load it. While the server's flight is still being
written no message is welcome at all (server.py): none that follows it can be there yet.
"""

from tlscore.compat import const

# Handshake types, as in codepoints.py, and states of states.py: only constants of the same module
# are folded into rows.
_CLIENT_HELLO = const(1)
_CERTIFICATE = const(11)
_CERTIFICATE_VERIFY = const(15)
_FINISHED = const(20)
_KEY_UPDATE = const(24)
_WAIT_CERTIFICATE = const(5)
_WAIT_CERTIFICATE_VERIFY = const(6)
_WAIT_FINISHED = const(7)
_CONNECTED = const(12)

WAIT_CLIENT_HELLO = const(8)
WAIT_SECOND_CLIENT_HELLO = const(9)  # a HelloRetryRequest was sent

STATE_NAMES = (
    (WAIT_CLIENT_HELLO, "WAIT_CLIENT_HELLO"),
    (WAIT_SECOND_CLIENT_HELLO, "WAIT_SECOND_CLIENT_HELLO"),
    (_WAIT_CERTIFICATE, "WAIT_CERTIFICATE"),
    (_WAIT_CERTIFICATE_VERIFY, "WAIT_CERTIFICATE_VERIFY"),
    (_WAIT_FINISHED, "WAIT_FINISHED"),
    (_CONNECTED, "CONNECTED"),
    (13, "CLOSED"),
    (14, "FAILED"),
)

# Columns as in states.py: state, message, must end its record, opener, handler, next states.
SERVER = (
    (
        WAIT_CLIENT_HELLO,
        _CLIENT_HELLO,
        True,
        None,
        "_on_client_hello",
        (WAIT_SECOND_CLIENT_HELLO, _WAIT_CERTIFICATE, _WAIT_FINISHED),
    ),
    (
        WAIT_SECOND_CLIENT_HELLO,
        _CLIENT_HELLO,
        True,
        None,
        "_on_second_client_hello",
        (_WAIT_CERTIFICATE, _WAIT_FINISHED),
    ),
    (
        _WAIT_CERTIFICATE,
        _CERTIFICATE,
        False,
        "_open_certificate",
        "_on_certificate",
        (_WAIT_CERTIFICATE_VERIFY, _WAIT_FINISHED),
    ),
    (
        _WAIT_CERTIFICATE_VERIFY,
        _CERTIFICATE_VERIFY,
        False,
        None,
        "_on_certificate_verify",
        (_WAIT_FINISHED,),
    ),
    (_WAIT_FINISHED, _FINISHED, True, None, "_on_finished", (_CONNECTED,)),
    (_CONNECTED, _KEY_UPDATE, True, None, "_on_key_update", (_CONNECTED,)),
)
