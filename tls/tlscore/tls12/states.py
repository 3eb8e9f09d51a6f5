"""The state machines of TLS 1.2 in the form of ../states.py (RFC 5246 §7.3), both roles.

States that mean the same have the number they have there; those that only TLS 1.2 has are below
zero. change_cipher_spec is no handshake message: WAIT_CHANGE_CIPHER_SPEC has rows for nothing, the
record itself leads out of it (client.py, server.py).

A client of both versions begins with the first row here, whose ServerHello need not end its record:
in TLS 1.2 there may be more in it, and in TLS 1.3 the connection checks it by itself.
"""

from tlscore.compat import const

# Handshake types, and states of ../states.py and ../server_states.py: only constants of the same
# module are folded into rows.
_HELLO_REQUEST = const(0)
_CLIENT_HELLO = const(1)
_SERVER_HELLO = const(2)
_NEW_SESSION_TICKET = const(4)
_CERTIFICATE = const(11)
_SERVER_KEY_EXCHANGE = const(12)
_CERTIFICATE_REQUEST = const(13)
_SERVER_HELLO_DONE = const(14)
_CERTIFICATE_VERIFY = const(15)
_CLIENT_KEY_EXCHANGE = const(16)
_FINISHED = const(20)

_WAIT_SERVER_HELLO = const(1)
_WAIT_SECOND_SERVER_HELLO = const(2)
_WAIT_ENCRYPTED_EXTENSIONS = const(3)
_WAIT_CERTIFICATE = const(5)
_WAIT_CERTIFICATE_VERIFY = const(6)
_WAIT_FINISHED = const(7)
_WAIT_CLIENT_HELLO = const(8)
_WAIT_SECOND_CLIENT_HELLO = const(9)
_CONNECTED = const(12)

WAIT_SERVER_KEY_EXCHANGE = const(-1)
WAIT_KEY_EXCHANGE_OR_DONE = const(-2)  # without a key exchange it carries nothing but a hint
WAIT_REQUEST_OR_DONE = const(-3)
WAIT_SERVER_HELLO_DONE = const(-4)
WAIT_TICKET = const(-5)  # the server has promised one
WAIT_CHANGE_CIPHER_SPEC = const(-6)
WAIT_CLIENT_KEY_EXCHANGE = const(-7)

STATE_NAMES = (
    (WAIT_SERVER_KEY_EXCHANGE, "WAIT_SERVER_KEY_EXCHANGE"),
    (WAIT_KEY_EXCHANGE_OR_DONE, "WAIT_KEY_EXCHANGE_OR_DONE"),
    (WAIT_REQUEST_OR_DONE, "WAIT_REQUEST_OR_DONE"),
    (WAIT_SERVER_HELLO_DONE, "WAIT_SERVER_HELLO_DONE"),
    (WAIT_TICKET, "WAIT_TICKET"),
    (WAIT_CHANGE_CIPHER_SPEC, "WAIT_CHANGE_CIPHER_SPEC"),
    (WAIT_CLIENT_KEY_EXCHANGE, "WAIT_CLIENT_KEY_EXCHANGE"),
)

# Columns as in ../states.py: state, message, must end its record, opener, handler, next states.
CLIENT = (
    (
        _WAIT_SERVER_HELLO,
        _SERVER_HELLO,
        True,
        None,
        "_on_server_hello",
        (
            _WAIT_ENCRYPTED_EXTENSIONS,
            _WAIT_SECOND_SERVER_HELLO,
            _WAIT_CERTIFICATE,
            WAIT_SERVER_KEY_EXCHANGE,
            WAIT_KEY_EXCHANGE_OR_DONE,
            WAIT_TICKET,
            WAIT_CHANGE_CIPHER_SPEC,
        ),
    ),
    (
        _WAIT_CERTIFICATE,
        _CERTIFICATE,
        False,
        "_open_certificate",
        "_on_certificate",
        (WAIT_SERVER_KEY_EXCHANGE,),
    ),
    (
        WAIT_SERVER_KEY_EXCHANGE,
        _SERVER_KEY_EXCHANGE,
        False,
        None,
        "_on_server_key_exchange",
        (WAIT_REQUEST_OR_DONE, WAIT_SERVER_HELLO_DONE),
    ),
    (
        WAIT_KEY_EXCHANGE_OR_DONE,
        _SERVER_KEY_EXCHANGE,
        False,
        None,
        "_on_server_key_exchange",
        (WAIT_SERVER_HELLO_DONE,),
    ),
    (
        WAIT_KEY_EXCHANGE_OR_DONE,
        _SERVER_HELLO_DONE,
        True,
        None,
        "_on_server_hello_done",
        (WAIT_TICKET, WAIT_CHANGE_CIPHER_SPEC),
    ),
    (
        WAIT_REQUEST_OR_DONE,
        _CERTIFICATE_REQUEST,
        False,
        None,
        "_on_certificate_request",
        (WAIT_SERVER_HELLO_DONE,),
    ),
    (
        WAIT_REQUEST_OR_DONE,
        _SERVER_HELLO_DONE,
        True,
        None,
        "_on_server_hello_done",
        (WAIT_TICKET, WAIT_CHANGE_CIPHER_SPEC),
    ),
    (
        WAIT_SERVER_HELLO_DONE,
        _SERVER_HELLO_DONE,
        True,
        None,
        "_on_server_hello_done",
        (WAIT_TICKET, WAIT_CHANGE_CIPHER_SPEC),
    ),
    (
        WAIT_TICKET,
        _NEW_SESSION_TICKET,
        True,
        "_open_new_session_ticket",
        "_on_new_session_ticket",
        (WAIT_CHANGE_CIPHER_SPEC,),
    ),
    (_WAIT_FINISHED, _FINISHED, True, None, "_on_finished", (_CONNECTED,)),
    (_CONNECTED, _HELLO_REQUEST, True, None, "_on_renegotiation", (_CONNECTED,)),
)

SERVER = (
    (
        _WAIT_CLIENT_HELLO,
        _CLIENT_HELLO,
        True,
        None,
        "_on_client_hello",
        (
            _WAIT_SECOND_CLIENT_HELLO,
            _WAIT_CERTIFICATE,
            _WAIT_FINISHED,
            WAIT_CLIENT_KEY_EXCHANGE,
            WAIT_CHANGE_CIPHER_SPEC,
        ),
    ),
    (
        _WAIT_CERTIFICATE,
        _CERTIFICATE,
        False,
        "_open_certificate",
        "_on_certificate",
        (WAIT_CLIENT_KEY_EXCHANGE,),
    ),
    (
        WAIT_CLIENT_KEY_EXCHANGE,
        _CLIENT_KEY_EXCHANGE,
        False,
        None,
        "_on_client_key_exchange",
        (_WAIT_CERTIFICATE_VERIFY, WAIT_CHANGE_CIPHER_SPEC),
    ),
    (
        _WAIT_CERTIFICATE_VERIFY,
        _CERTIFICATE_VERIFY,
        False,
        None,
        "_on_certificate_verify",
        (WAIT_CHANGE_CIPHER_SPEC,),
    ),
    (_WAIT_FINISHED, _FINISHED, True, None, "_on_finished", (_CONNECTED,)),
    (_CONNECTED, _CLIENT_HELLO, True, None, "_on_renegotiation", (_CONNECTED,)),
)
