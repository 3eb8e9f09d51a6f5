"""The handshake messages that are read whole, and the short ones that are written.

Every `parse_` function takes the body of one message (without the header of four bytes) as a
memoryview, checks its form and what RFC 8446 demands of it whatever was said before, and raises
PeerMisbehaved and nothing else: they can be fuzzed one by one. What depends on the connection is
checked in client.py. What they return points into the message.

Elsewhere: the ClientHello (client_hello.py); messages too long to be held (message_streams.py).
"""

from tlscore import extensions
from tlscore.codepoints import (
    ALERT_ILLEGAL_PARAMETER,
    ALERT_MISSING_EXTENSION,
    ALERT_PROTOCOL_VERSION,
    CERTIFICATE,
    EXT_APPLICATION_LAYER_PROTOCOL_NEGOTIATION,
    EXT_COOKIE,
    EXT_KEY_SHARE,
    EXT_SERVER_NAME,
    EXT_SIGNATURE_ALGORITHMS,
    EXT_SUPPORTED_GROUPS,
    EXT_SUPPORTED_VERSIONS,
    FINISHED,
    KEY_UPDATE,
    TLS_1_2,
    TLS_1_3,
    UPDATE_NOT_REQUESTED,
    UPDATE_REQUESTED,
)
from tlscore.errors import PeerMisbehaved
from tlscore.wire import Reader, decode_error

HEADER_BYTES = 4

# RFC 8446 §4.1.3: the random of a ServerHello that is a HelloRetryRequest is the SHA-256 of
# "HelloRetryRequest".
_RETRY_RANDOM = (
    b"\xcf\x21\xad\x74\xe5\x9a\x61\x11\xbe\x1d\x8c\x02\x1e\x65\xb8\x91"
    b"\xc2\xa2\x11\x16\x7a\xbb\x8c\x5e\x07\x9e\x09\xe2\xc8\xa8\x33\x9c"
)
# RFC 8446 §4.1.3: how a server that knows TLS 1.3 ends its random when it negotiates less.
_DOWNGRADE_TO_1_2 = b"DOWNGRD\x01"
_DOWNGRADE_TO_1_1 = b"DOWNGRD\x00"


def _illegal(reason):
    return PeerMisbehaved(reason, ALERT_ILLEGAL_PARAMETER)


class ServerHello:
    """A ServerHello or HelloRetryRequest for TLS 1.3.

    Attributes:
        is_retry: it is a HelloRetryRequest.
        session_id: legacy_session_id_echo.
        suite: number of the cipher suite.
        group: selected_group of a retry, group of the share otherwise; None without key_share.
        share: the server's key_share; None without one and in a retry.
        cookie: to be returned in the second ClientHello, or None.
    """

    def __init__(self):
        self.is_retry = False
        self.session_id = b""
        self.suite = 0
        self.group = None
        self.share = None
        self.cookie = None


def parse_server_hello(body, offered) -> ServerHello:
    """Read a ServerHello or HelloRetryRequest (RFC 8446 §4.1.3, §4.1.4).

    Args:
        offered: extension types of the ClientHello.
    """
    reader = Reader(body, "server_hello")
    hello = ServerHello()
    legacy_version = reader.u16()
    random = reader.take(32)
    hello.is_retry = random == _RETRY_RANDOM
    hello.session_id = reader.vector8(0, 32).rest()
    hello.suite = reader.u16()
    compression = reader.u8()
    # Before TLS 1.3 the extensions could be missing altogether (RFC 5246 §7.4.1.3).
    block = reader.vector16() if reader.remaining() else Reader(body, reader.subject, len(body))
    reader.finish()
    _check_version(legacy_version, random, block)
    if compression != 0:  # RFC 8446 §4.1.3: "which MUST have the value 0"
        raise _illegal("server_hello.compression")
    _read_server_extensions(hello, block, offered)
    return hello


def _check_version(legacy_version, random, block):
    supported = extensions.find(block, EXT_SUPPORTED_VERSIONS)
    if supported is None:
        # Some version before TLS 1.3. RFC 8446 §4.1.3: clients "MUST check that the last 8 bytes
        # are not equal to either of these values" and answer illegal_parameter if they are.
        ending = bytes(random[24:])
        if ending in (_DOWNGRADE_TO_1_2, _DOWNGRADE_TO_1_1):
            raise _illegal("server_hello.downgrade")
        # RFC 8446 appendix D.1: a version that is not supported ends with protocol_version.
        raise PeerMisbehaved("server_hello.version_not_supported", ALERT_PROTOCOL_VERSION)
    version = supported.u16()
    supported.finish()
    # RFC 8446 §4.2.1: illegal_parameter for a version "not offered by the client" or "prior to
    # TLS 1.3".
    if version != TLS_1_3:
        raise _illegal("server_hello.unoffered_version")
    if legacy_version != TLS_1_2:  # RFC 8446 §4.1.3: "MUST be set to 0x0303"
        raise _illegal("server_hello.legacy_version")


def _read_server_extensions(hello, block, offered):
    message = extensions.IN_SERVER_HELLO
    if hello.is_retry:
        message = extensions.IN_HELLO_RETRY_REQUEST
    found = extensions.parse(block, message, offered)
    if EXT_COOKIE in found:  # RFC 8446 §4.2.2
        content = found[EXT_COOKIE]
        hello.cookie = content.vector16(1).rest()
        content.finish()
    if EXT_KEY_SHARE in found:  # RFC 8446 §4.2.8
        content = found[EXT_KEY_SHARE]
        hello.group = content.u16()
        if not hello.is_retry:
            hello.share = content.vector16(1).rest()
        content.finish()


def parse_encrypted_extensions(body, offered):
    """Read EncryptedExtensions (RFC 8446 §4.3.1); return the ALPN protocol as bytes, or None.

    Args:
        offered: extension types of the ClientHello.
    """
    reader = Reader(body, "encrypted_extensions")
    block = reader.vector16()
    reader.finish()
    found = extensions.parse(block, extensions.IN_ENCRYPTED_EXTENSIONS, offered)
    if EXT_SERVER_NAME in found:
        found[EXT_SERVER_NAME].finish()  # RFC 6066 §3: the answer's extension_data is empty
    if EXT_SUPPORTED_GROUPS in found:
        # RFC 8446 §4.2.7: what the server prefers; it changes nothing before the handshake ends.
        _check_codes(found[EXT_SUPPORTED_GROUPS])
    if EXT_APPLICATION_LAYER_PROTOCOL_NEGOTIATION not in found:
        return None
    content = found[EXT_APPLICATION_LAYER_PROTOCOL_NEGOTIATION]
    names = content.vector16(2)
    content.finish()
    protocol = bytes(names.vector8(1).rest())
    names.finish()  # RFC 7301 §3.1: the list "MUST contain exactly one "ProtocolName""
    return protocol


def _check_codes(content):
    """Check a list of two-byte codes, <2..2^16-1>, which is all of an extension."""
    codes = content.vector16(2)
    content.finish()
    if codes.remaining() & 1:
        raise decode_error(content.subject, "bad_length")


def parse_certificate_request(body):
    """Check a CertificateRequest of the handshake (RFC 8446 §4.3.2); nothing of it is needed."""
    reader = Reader(body, "certificate_request")
    # "zero length unless used for the post-handshake authentication exchanges"
    if reader.vector8().remaining():
        raise _illegal("certificate_request.context")
    block = reader.vector16(2)
    reader.finish()
    # "Clients MUST ignore unrecognized extensions"
    found = extensions.parse(block, extensions.IN_CERTIFICATE_REQUEST)
    if EXT_SIGNATURE_ALGORITHMS not in found:  # "The "signature_algorithms" extension MUST be ..."
        raise PeerMisbehaved("certificate_request.missing_extension", ALERT_MISSING_EXTENSION)
    _check_codes(found[EXT_SIGNATURE_ALGORITHMS])


def parse_certificate_verify(body):
    """Read a CertificateVerify (RFC 8446 §4.4.3); return (signature scheme, signature)."""
    reader = Reader(body, "certificate_verify")
    scheme = reader.u16()
    signature = reader.vector16().rest()
    reader.finish()
    return scheme, signature


def parse_finished(body, size):
    """Read a Finished (RFC 8446 §4.4.4); return its verify_data, `size` bytes."""
    reader = Reader(body, "finished")
    verify_data = reader.take(size)
    reader.finish()
    return verify_data


def parse_key_update(body) -> bool:
    """Read a KeyUpdate (RFC 8446 §4.6.3); return whether the peer wants our keys updated too."""
    reader = Reader(body, "key_update")
    request = reader.u8()
    reader.finish()
    # "If an implementation receives any other value, it MUST terminate the connection with an
    # "illegal_parameter" alert."
    if request not in (UPDATE_NOT_REQUESTED, UPDATE_REQUESTED):
        raise _illegal("key_update.unknown_request")
    return request == UPDATE_REQUESTED


def write_empty_certificate(writer):
    """Write the Certificate of a client that has none (RFC 8446 §4.4.2): header, 0, 0."""
    writer.raw(bytes((CERTIFICATE, 0, 0, 4, 0, 0, 0, 0)))


def write_finished(writer, verify_data):
    """Write a Finished message (RFC 8446 §4.4.4)."""
    writer.raw(bytes((FINISHED, 0, 0, len(verify_data))))
    writer.raw(verify_data)


def write_key_update(writer, request):
    """Write a KeyUpdate (RFC 8446 §4.6.3)."""
    writer.raw(bytes((KEY_UPDATE, 0, 0, 1, request)))
