"""The messages only a server writes: ServerHello to CertificateRequest (RFC 8446 §4.1.3 to §4.3.2).

Each function writes one message with its header, in place, and knows nothing of the connection.
"""

from tlscore.codepoints import (
    CERTIFICATE_REQUEST,
    ENCRYPTED_EXTENSIONS,
    EXT_APPLICATION_LAYER_PROTOCOL_NEGOTIATION,
    EXT_KEY_SHARE,
    EXT_RECORD_SIZE_LIMIT,
    EXT_SERVER_NAME,
    EXT_SIGNATURE_ALGORITHMS,
    EXT_SUPPORTED_VERSIONS,
    SERVER_HELLO,
    TLS_1_2,
    TLS_1_3,
)
from tlscore.messages import RETRY_RANDOM


def write_server_hello(writer, random, session_id, suite, group, share):
    """Write a ServerHello (§4.1.3); a HelloRetryRequest for `group` if `share` is None (§4.1.4).

    Args:
        random: 32 bytes; what stands there in a HelloRetryRequest is given by §4.1.3.
        session_id: legacy_session_id of the ClientHello, to be echoed.
    """
    writer.u8(SERVER_HELLO)
    message = writer.open(3)
    writer.u16(TLS_1_2)  # legacy_version
    writer.raw(RETRY_RANDOM if share is None else random)
    writer.vector8(session_id)
    writer.u16(suite)
    writer.u8(0)  # legacy_compression_method
    block = writer.open(2)
    writer.u16(EXT_SUPPORTED_VERSIONS)
    writer.u16(2)
    writer.u16(TLS_1_3)
    writer.u16(EXT_KEY_SHARE)
    content = writer.open(2)
    writer.u16(group)
    if share is not None:
        writer.vector16(share)
    writer.close(content, 2)
    writer.close(block, 2)
    writer.close(message, 3)


def write_encrypted_extensions(writer, protocol, name_recognised, record_size_limit):
    """Write EncryptedExtensions (§4.3.1).

    Args:
        protocol: selected by ALPN, or None.
        name_recognised: answer server_name (RFC 6066 §3).
        record_size_limit: answer record_size_limit with ours (RFC 8449 §4), or None.
    """
    writer.u8(ENCRYPTED_EXTENSIONS)
    message = writer.open(3)
    block = writer.open(2)
    if name_recognised:
        writer.u16(EXT_SERVER_NAME)
        writer.u16(0)
    if record_size_limit is not None:
        writer.u16(EXT_RECORD_SIZE_LIMIT)
        writer.u16(2)
        writer.u16(record_size_limit)
    if protocol is not None:
        writer.u16(EXT_APPLICATION_LAYER_PROTOCOL_NEGOTIATION)
        content = writer.open(2)
        names = writer.open(2)
        writer.vector8(protocol)
        writer.close(names, 2)
        writer.close(content, 2)
    writer.close(block, 2)
    writer.close(message, 3)


def write_certificate_request(writer, schemes):
    """Write a CertificateRequest with the one extension it must have (§4.3.2)."""
    writer.u8(CERTIFICATE_REQUEST)
    message = writer.open(3)
    writer.u8(0)  # certificate_request_context: empty during the handshake
    block = writer.open(2)
    writer.u16(EXT_SIGNATURE_ALGORITHMS)
    content = writer.open(2)
    codes = writer.open(2)
    for code in schemes:
        writer.u16(code)
    writer.close(codes, 2)
    writer.close(content, 2)
    writer.close(block, 2)
    writer.close(message, 3)
