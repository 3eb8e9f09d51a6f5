"""How to connect: what a client trusts, proves itself with, and how much memory it takes.

    config = configuration("files.example", device_credentials, SystemEntropy(), SystemClock())
    stream = connect("files.example", 443, config)

Runs on CPython and on MicroPython.
"""

from tls_stream import SocketTransport, TlsStream

from tlscore.trust import TrustAnchors

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# Servers are asked to keep their records that short (RFC 6066 §4, RFC 8449); OpenSSL's do, so
# nginx does. Longer ones are faster and cost as much memory as they are longer.
_FRAGMENT_BYTES = 2048
_RECORD_BYTES = _FRAGMENT_BYTES + 36  # with what is around the fragment, in TLS 1.2 too
_SEND_BYTES = 1152  # with room for the 1 KB that HttpClient sends at once
# Where a certificate of our own has to be sent, with its signature.
_SEND_BYTES_WITH_CERTIFICATE = 2560


def configuration(
    host: str,
    credentials: "Any",
    entropy: "Any",
    clock: "Any",
    proves_itself: bool = False,
    versions: "tuple[int, ...] | None" = None,
) -> "Any":
    """Return how to connect to a server whose certificate is for `host`.

    Args:
        host: name or address.
        credentials: a module that `hil certs` made, or anything with its names.
        entropy: random bytes, see tlscore/entropy.py.
        clock: what time it is, see tlscore/clock.py.
        proves_itself: show the credentials' certificate to a server that asks for one.
        versions: (0x0304, 0x0303) for TLS 1.3 or 1.2, (0x0303,) for 1.2, where the firmware has
            tlscore.tls12; None for TLS 1.3, which is always there.
    """
    options: "dict[str, Any]" = {}
    if versions is None:
        from tlscore.config import ClientConfig
    else:
        from tlscore.tls12.config import ClientConfig

        options["versions"] = versions
    if proves_itself:
        options["certificates"] = credentials.CERTIFICATES
        options["private_key"] = credentials.PRIVATE_KEY
    return ClientConfig(
        entropy,
        clock,
        TrustAnchors(credentials.ANCHORS),
        host,
        record_buffer_bytes=_RECORD_BYTES,
        max_fragment_bytes=_FRAGMENT_BYTES,
        send_buffer_bytes=_SEND_BYTES_WITH_CERTIFICATE if proves_itself else _SEND_BYTES,
        **options,
    )


def over(transport: "Any", config: "Any") -> "TlsStream":
    """Shake hands over a transport and return the stream; on failure the transport is closed."""
    if hasattr(config, "versions"):
        from tlscore.tls12.client import ClientConnection
    else:
        from tlscore.client import ClientConnection
    stream = TlsStream(transport, ClientConnection(config))
    done = False
    try:
        stream.handshake()
        done = True
    finally:
        if not done:
            stream.close()
    return stream


def connect(host: str, port: int, config: "Any", timeout_ms: int = 30_000) -> "TlsStream":
    """Connect by TCP and shake hands.

    Args:
        host: name or address.
        port: TCP port.
        config: as `configuration` returns it.
        timeout_ms: the longest silence of the server.
    """
    return over(SocketTransport(host, port, timeout_ms), config)
