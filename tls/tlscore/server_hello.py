"""The messages only a server writes: ServerHello to CertificateRequest (RFC 8446 §4.1.3 to §4.3.2).

Each function writes one message with its header, in place, and knows nothing of the connection.
"""

from tlscore.codepoints import (
    CERTIFICATE_REQUEST,
    ENCRYPTED_EXTENSIONS,
    EXT_CERTIFICATE_AUTHORITIES,
    EXT_COOKIE,
    EXT_KEY_SHARE,
    EXT_PRE_SHARED_KEY,
    EXT_SIGNATURE_ALGORITHMS,
    EXT_SIGNATURE_ALGORITHMS_CERT,
    EXT_SUPPORTED_VERSIONS,
    SERVER_HELLO,
    TLS_1_2,
    TLS_1_3,
)
from tlscore.messages import RETRY_RANDOM


def write_server_hello(
    writer, random, session_id, suite, group, share, cookie=None, psk_index=None
):
    """Write a ServerHello (§4.1.3), or a HelloRetryRequest for `group` (§4.1.4).

    Args:
        random: 32 bytes; None for a HelloRetryRequest, where §4.1.3 says what stands there.
        session_id: legacy_session_id of the ClientHello, to be echoed.
        group: None where a pre-shared key does without a key exchange.
        share: for the key exchange, None in a HelloRetryRequest.
        cookie: to be returned by the client (§4.2.2), in a HelloRetryRequest only; or None.
        psk_index: selected_identity of pre_shared_key (§4.2.11), or None.
    """
    writer.u8(SERVER_HELLO)
    message = writer.open(3)
    writer.u16(TLS_1_2)  # legacy_version
    writer.raw(RETRY_RANDOM if random is None else random)
    writer.vector8(session_id)
    writer.u16(suite)
    writer.u8(0)  # legacy_compression_method
    block = writer.open(2)
    writer.u16(EXT_SUPPORTED_VERSIONS)
    writer.u16(2)
    writer.u16(TLS_1_3)
    if group is not None:
        writer.u16(EXT_KEY_SHARE)
        content = writer.open(2)
        writer.u16(group)
        if share is not None:
            writer.vector16(share)
        writer.close(content, 2)
    if psk_index is not None:
        writer.u16(EXT_PRE_SHARED_KEY)
        writer.u16(2)
        writer.u16(psk_index)
    if cookie is not None:
        writer.u16(EXT_COOKIE)
        content = writer.open(2)
        writer.vector16(cookie)
        writer.close(content, 2)
    writer.close(block, 2)
    writer.close(message, 3)


def encrypted_extensions_bytes(answers) -> int:
    """Return the size of EncryptedExtensions with these answers, header included."""
    return 6 + sum([4 + len(content) for _, content in answers])


def write_encrypted_extensions(writer, answers):
    """Write EncryptedExtensions (§4.3.1).

    Args:
        answers: (extension type, content) pairs.
    """
    writer.u8(ENCRYPTED_EXTENSIONS)
    message = writer.open(3)
    block = writer.open(2)
    for extension, content in answers:
        writer.u16(extension)
        writer.vector16(content)
    writer.close(block, 2)
    writer.close(message, 3)


def certificate_request_bytes(schemes, certificate_schemes, authorities) -> int:
    """Return the size of a CertificateRequest, header included; arguments as for writing it."""
    size = 7 + 6 + 2 * len(schemes)
    if len(certificate_schemes) > len(schemes):
        size += 6 + 2 * len(certificate_schemes)
    if len(authorities):
        size += 6 + sum([2 + len(name) for name in authorities])
    return size


def write_certificate_request(writer, schemes, certificate_schemes, authorities):
    """Write a CertificateRequest (§4.3.2).

    Args:
        schemes: what may sign a CertificateVerify; signature_algorithms is a must.
        certificate_schemes: what may sign certificates, those among them. More than `schemes`
            are said by signature_algorithms_cert (§4.2.3), which the other stands for otherwise.
        authorities: DER Names of certificate_authorities (§4.2.4); without any it is left out.
    """
    writer.u8(CERTIFICATE_REQUEST)
    message = writer.open(3)
    writer.u8(0)  # certificate_request_context: empty during the handshake
    block = writer.open(2)
    _write_codes(writer, EXT_SIGNATURE_ALGORITHMS, schemes)
    if len(certificate_schemes) > len(schemes):
        _write_codes(writer, EXT_SIGNATURE_ALGORITHMS_CERT, certificate_schemes)
    if len(authorities):
        writer.u16(EXT_CERTIFICATE_AUTHORITIES)
        content = writer.open(2)
        names = writer.open(2)
        for name in authorities:
            writer.vector16(name)
        writer.close(names, 2)
        writer.close(content, 2)
    writer.close(block, 2)
    writer.close(message, 3)


def _write_codes(writer, extension, codes):
    writer.u16(extension)
    content = writer.open(2)
    mark = writer.open(2)
    for code in codes:
        writer.u16(code)
    writer.close(mark, 2)
    writer.close(content, 2)
