"""Checks that the configurations of both roles have in common (config.py, server_config.py)."""

from tlscore.compat import const
from tlscore.errors import UsageError
from tlscore.record import RECORD_OVERHEAD_BYTES

# RFC 8446 §5.2: header, 2^14 bytes of plaintext and up to 256 bytes around it.
RECORD_BUFFER_BYTES_MAX = 5 + 16384 + 256
# RFC 8449 §4: nobody may ask for records with less than 64 bytes of plaintext.
_RECORD_BUFFER_BYTES_MIN = const(64 + 22)
_RECORD_BUFFER_BYTES_USUAL = const(4096 + 29)  # 29 bytes beside in TLS 1.2, 22 in TLS 1.3
_RECORD_CONTENT_BYTES_MAX = const(16384)  # RFC 8446 §5.1
# Record overhead and the records of a KeyUpdate and an alert: what data leaves room for.
_SEND_BUFFER_BYTES_BESIDE_DATA = const(22 + 27 + 24)
# See codepoints.py: copies that cost nothing on a board.
_CERTIFICATE_X509 = const(0)
_CERTIFICATE_RAW_PUBLIC_KEY = const(2)


def require(condition, reason):
    """Raise UsageError(reason) unless the condition holds."""
    if not condition:
        raise UsageError(reason)


def check_protocols(protocols):
    """Check a list of ALPN protocols (RFC 7301 §3.1: opaque ProtocolName<1..2^8-1>)."""
    for protocol in protocols:
        require(isinstance(protocol, bytes) and 1 <= len(protocol) <= 255, "config.alpn")


def check_record_buffer(config, with_certificates):
    """Check the size of the buffer that receives a record, and that a large one has room."""
    size = config.record_buffer_bytes
    require(
        _RECORD_BUFFER_BYTES_MIN <= size <= RECORD_BUFFER_BYTES_MAX, "config.record_buffer_bytes"
    )
    if size > _RECORD_BUFFER_BYTES_USUAL:
        # Loaded here: a heap without room for the usual one has none for a handshake either.
        from tlscore.room import require_room  # noqa: PLC0415

        require_room(size, config.send_buffer_bytes, with_certificates)


def record_size_limit(record_buffer_bytes):
    """Return what RFC 8449 has a peer told about our buffer, None if every record has room.

    §4: the limit is for the plaintext, in TLS 1.3 with content type and padding.
    """
    limit = record_buffer_bytes - RECORD_OVERHEAD_BYTES + 1
    return limit if limit <= _RECORD_CONTENT_BYTES_MAX else None


def check_padding(padding_bytes, send_buffer_bytes):
    """Check that a record padded to the least there is (RFC 8446 §5.4) fits the send buffer."""
    room = send_buffer_bytes - _SEND_BUFFER_BYTES_BESIDE_DATA
    require(0 <= padding_bytes <= min(room, _RECORD_CONTENT_BYTES_MAX), "config.padding_bytes")


def check_certificate_types(types):
    """Check a list of CertificateTypes (RFC 7250)."""
    require(len(types) > 0, "config.certificate_types")
    for kind in types:
        known = (_CERTIFICATE_X509, _CERTIFICATE_RAW_PUBLIC_KEY)
        require(kind in known, "config.certificate_types")


def check_public_key_info(public_key_info):
    """Check that there is a raw public key to show, a SubjectPublicKeyInfo."""
    require(public_key_info is not None and len(public_key_info) > 0, "config.no_public_key")


def check_identity(config):
    """Check that a configuration's private key belongs to what is shown with it (identity.py)."""
    # Loaded here: boards leave this to whoever gives them their identity.
    from tlscore import identity  # noqa: PLC0415

    leaf = config.certificates[0] if len(config.certificates) else None
    identity.check(config.private_key, leaf, config.public_key_info)
