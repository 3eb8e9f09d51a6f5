"""DTLS jobs of the board: one connection from ClientHello to close_notify, told as a result.

What tls_jobs.py is for TLS. Everything comes in `options`, what was learned goes into the result.
Runs on MicroPython and CPython. What they do not do: judge (the host's oracle does).
"""

from dtls_conversation import Conversation
from tls_jobs import (
    _SMALL_SEND_BUFFER_BYTES,
    _identity,
    _judgement,
    _key_of,
    _schemes,
    _types,
)

from tlscore.entropy import HmacDrbg

_SEND_BUFFER_BYTES = 1024
_HANDSHAKE_BUFFER_BYTES = 512
_CLIENT_HELLO_BYTES = 1024  # of a client that sends it in fragments
# Where they are to be small: a handshake by a key, with what other ends send for it.
_SMALL_HANDSHAKE_BUFFER_BYTES = 256
_SMALL_HELD_BYTES = 128
_SMALL_RECORD_BUFFER_BYTES = 550  # GnuTLS takes no limit below 512 bytes of plaintext
# A second session lets a client that has started anew take the place of its first one.
_SLOTS = 2


def client(link, options, conversation_class=Conversation):
    """Run one connection as a client and return what became of it.

    Args:
        link: the board's end of the link.
        options: as tls_jobs.client has them, and `handshake_ms`: how long the handshake may take,
            `retransmission_ms_max` (RFC 6347 §4.2.4.1), `datagram_bytes`: the largest datagram it
            sends, `is_server`.
        conversation_class: what it is led by, if the application does something else than echo.

    Returns:
        dict: as of tls_jobs.client, and `retransmissions`, `dropped` records and `heard_alert` (in
        the clear, so nobody vouches for it).
    """
    from tlscore.dtls.client import ClientConnection  # noqa: PLC0415
    from tlscore.dtls.config import ClientConfig  # noqa: PLC0415

    return run_client(conversation_class(link, options), ClientConnection, ClientConfig)


def run_client(conversation, connection_class, config_class):
    """Run a conversation as a client of whatever version its classes are of."""
    clock, trust = _judgement(conversation.options)
    conversation.means = (connection_class, config_class, clock, trust)
    return conversation.run(_connect)


def _connect(conversation, marks):
    options = conversation.options
    connection_class, config_class, clock, trust = conversation.means
    conversation.means = None
    certificates, private_key, send_buffer_bytes = _identity(options)
    return connection_class(
        config_class(
            conversation.entropy or HmacDrbg(options["seed"]),
            clock if trust is not None else None,
            trust,
            options["server_name"].decode() if trust is not None else None,
            suites=options["suites"],
            groups=options["groups"],
            signature_schemes=_schemes(options) if trust is not None else None,
            certificates=certificates,
            private_key=private_key,
            certificate_types=_types(options.get("pins")),
            psks=(options["psk"],) if options.get("psk") else (),
            psk_modes=options["psk_modes"],
            **_common(conversation, marks, send_buffer_bytes, _HANDSHAKE_BUFFER_BYTES),
        )
    )


def server(link, options, conversation_class=Conversation):
    """Run one connection as a server and return what became of it.

    Args:
        link: the board's end of the link.
        options: as for `client` and tls_jobs.server; `cookie_key` is a must.
        conversation_class: as for `client`.
    """
    from tlscore.dtls.listener import Listener  # noqa: PLC0415
    from tlscore.dtls.server_config import ServerConfig  # noqa: PLC0415

    return run_server(conversation_class(link, options), Listener, ServerConfig)


def run_server(conversation, listener_class, config_class):
    """Run a conversation as a server of whatever version its classes are of."""
    clock, trust = _judgement(conversation.options)
    conversation.means = (listener_class, config_class, clock, trust)
    result = conversation.run(_listen)
    result["hello_retries"] = 0
    if conversation.listener is not None:
        result["sessions"] = sum([s is not None for s in conversation.listener.sessions])
    return result


def _listen(conversation, marks):
    options = conversation.options
    listener_class, config_class, clock, trust = conversation.means
    conversation.means = None
    certificates, private_key = options.get("identity") or ((), None)
    size = _SMALL_SEND_BUFFER_BYTES if options.get("small_buffers") else _SEND_BUFFER_BYTES
    config = config_class(
        conversation.entropy or HmacDrbg(options["seed"]),
        certificates,
        private_key,
        clock=None if trust is None else clock,
        trust=trust,
        psk=_key_of(options),
        psk_modes=options["psk_modes"],
        suites=options["suites"],
        groups=options["groups"],
        cookie_key=options["cookie_key"],
        **_common(conversation, marks, size, _CLIENT_HELLO_BYTES),
    )
    return listener_class(config, _SLOTS)


def _common(conversation, marks, send_buffer_bytes, handshake_buffer_bytes):
    options = conversation.options
    told = {
        "now_ms": conversation.now_ms,
        "alpn": options["alpn"],
        "datagram_bytes": options["datagram_bytes"],
        "handshake_ms_max": options["handshake_ms"],
        "checkpoint": conversation.checkpoint,
        "phase": marks.phase if options.get("clock") else None,
        "send_buffer_bytes": send_buffer_bytes,
        "handshake_buffer_bytes": handshake_buffer_bytes,
    }
    if conversation.is_of_tls12:
        needed = bool(options.get("extended_master_secret_required"))
        told["extended_master_secret_required"] = needed
    if options.get("small_buffers"):
        told["handshake_buffer_bytes"] = _SMALL_HANDSHAKE_BUFFER_BYTES
        told["held_bytes"] = _SMALL_HELD_BYTES
        told["record_buffer_bytes"] = _SMALL_RECORD_BUFFER_BYTES
    if options.get("retransmission_ms_max"):
        told["retransmission_ms_max"] = options["retransmission_ms_max"]
    return told
