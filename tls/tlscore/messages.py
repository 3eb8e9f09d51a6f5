"""The handshake messages that are read whole, and the short ones that are written.

Every `parse_` function takes the body of one message (without the header of four bytes) as a
memoryview, checks its form and what RFC 8446 demands of it whatever was said before, and raises
PeerMisbehaved and nothing else: they can be fuzzed one by one. What depends on the connection is
checked in client.py. What they return points into the message.

Elsewhere: the ClientHello (client_hello.py); messages too long to be held (message_streams.py).
"""

from tlscore import extensions
from tlscore.compat import const
from tlscore.errors import PeerMisbehaved, illegal
from tlscore.wire import Reader, decode_error

# See codepoints.py: copies that cost nothing on a board.
_SSL_3_0 = const(0x0300)
_TLS_1_3 = const(0x0304)
_CERTIFICATE = const(11)
_CERTIFICATE_VERIFY = const(15)
_FINISHED = const(20)
_KEY_UPDATE = const(24)
_UPDATE_NOT_REQUESTED = const(0)
_UPDATE_REQUESTED = const(1)
_EXT_SERVER_NAME = const(0)
_EXT_MAX_FRAGMENT_LENGTH = const(1)
_EXT_SUPPORTED_GROUPS = const(10)
_EXT_SIGNATURE_ALGORITHMS = const(13)
_EXT_APPLICATION_LAYER_PROTOCOL_NEGOTIATION = const(16)
_EXT_CLIENT_CERTIFICATE_TYPE = const(19)
_EXT_SERVER_CERTIFICATE_TYPE = const(20)
_EXT_RECORD_SIZE_LIMIT = const(28)
_EXT_PRE_SHARED_KEY = const(41)
_EXT_SUPPORTED_VERSIONS = const(43)
_EXT_COOKIE = const(44)
_EXT_CERTIFICATE_AUTHORITIES = const(47)
_EXT_SIGNATURE_ALGORITHMS_CERT = const(50)
_EXT_KEY_SHARE = const(51)
_ALERT_PROTOCOL_VERSION = const(70)
_ALERT_MISSING_EXTENSION = const(109)

HEADER_BYTES = 4

# RFC 8446 §4.1.3: the random of a ServerHello that is a HelloRetryRequest is the SHA-256 of
# "HelloRetryRequest".
RETRY_RANDOM = (
    b"\xcf\x21\xad\x74\xe5\x9a\x61\x11\xbe\x1d\x8c\x02\x1e\x65\xb8\x91"
    b"\xc2\xa2\x11\x16\x7a\xbb\x8c\x5e\x07\x9e\x09\xe2\xc8\xa8\x33\x9c"
)
# RFC 8446 §4.1.3: how a server that knows TLS 1.3 ends its random when it negotiates less.
_DOWNGRADE_TO_1_2 = b"DOWNGRD\x01"
_DOWNGRADE_TO_1_1 = b"DOWNGRD\x00"


class ServerHello:
    """A ServerHello or HelloRetryRequest for TLS 1.3.

    Attributes:
        is_retry: it is a HelloRetryRequest.
        session_id: legacy_session_id_echo.
        suite: number of the cipher suite.
        group: selected_group of a retry, group of the share otherwise; None without key_share.
        share: the server's key_share; None without one and in a retry.
        cookie: to be returned in the second ClientHello, or None.
        psk_index: selected_identity of pre_shared_key, or None.
    """

    def __init__(self):
        self.is_retry = False
        self.session_id = b""
        self.suite = 0
        self.group = None
        self.share = None
        self.cookie = None
        self.psk_index = None


def parse_server_hello(body, offered, version=_TLS_1_3) -> ServerHello:
    """Read a ServerHello or HelloRetryRequest (RFC 8446 §4.1.3, §4.1.4).

    Args:
        offered: extension types of the ClientHello.
        version: the one in its supported_versions.
    """
    reader = Reader(body, "server_hello")
    hello = ServerHello()
    legacy_version = reader.u16()
    random = reader.take(32)
    hello.is_retry = random == RETRY_RANDOM
    hello.session_id = reader.vector8(0, 32).rest()
    hello.suite = reader.u16()
    compression = reader.u8()
    # Before TLS 1.3 the extensions could be missing altogether (RFC 5246 §7.4.1.3).
    block = reader.vector16() if reader.remaining() else Reader(body, reader.subject, len(body))
    reader.finish()
    _check_version(legacy_version, random, block, version)
    if compression != 0:  # RFC 8446 §4.1.3: "which MUST have the value 0"
        raise illegal("server_hello.compression")
    _read_server_extensions(hello, block, offered)
    return hello


def _check_version(legacy_version, random, block, offered):
    supported = extensions.find(block, _EXT_SUPPORTED_VERSIONS)
    if supported is None:
        # Some version before TLS 1.3. RFC 8446 §4.1.3: clients "MUST check that the last 8 bytes
        # are not equal to either of these values" and answer illegal_parameter if they are.
        ending = bytes(random[24:])
        if ending in (_DOWNGRADE_TO_1_2, _DOWNGRADE_TO_1_1):
            raise illegal("server_hello.downgrade")
        # RFC 8446 appendix D.1: a version that is not supported ends with protocol_version.
        raise PeerMisbehaved("server_hello.version_not_supported", _ALERT_PROTOCOL_VERSION)
    version = supported.u16()
    supported.finish()
    # RFC 8446 §4.2.1: illegal_parameter for a version "not offered by the client" or "prior to
    # TLS 1.3".
    if version != offered:
        raise illegal("server_hello.unoffered_version")
    # §D.5: a Hello "with ... ServerHello.legacy_version set to 0x0300 MUST abort the handshake with
    # a "protocol_version" alert."
    # Any other value, although there is but one right one (§4.1.3), "clients MUST ignore" (§4.2.1).
    if legacy_version <= _SSL_3_0:
        raise PeerMisbehaved("server_hello.version_not_supported", _ALERT_PROTOCOL_VERSION)


def _read_server_extensions(hello, block, offered):
    message = extensions.IN_SERVER_HELLO
    if hello.is_retry:
        message = extensions.IN_HELLO_RETRY_REQUEST
    found = extensions.parse(block, message, offered)
    if _EXT_COOKIE in found:  # RFC 8446 §4.2.2
        content = found[_EXT_COOKIE]
        hello.cookie = content.vector16(1).rest()
        content.finish()
    if _EXT_KEY_SHARE in found:  # RFC 8446 §4.2.8
        content = found[_EXT_KEY_SHARE]
        hello.group = content.u16()
        if not hello.is_retry:
            hello.share = content.vector16(1).rest()
        content.finish()
    if _EXT_PRE_SHARED_KEY in found:  # RFC 8446 §4.2.11
        content = found[_EXT_PRE_SHARED_KEY]
        hello.psk_index = content.u16()
        content.finish()


class EncryptedExtensions:
    """What EncryptedExtensions say; None stands for what they say nothing of.

    Attributes:
        protocol: selected by ALPN, bytes.
        record_size_limit: of RFC 8449.
        max_fragment_length: its code (RFC 6066 §4).
        certificate_type, client_certificate_type: CertificateTypes selected for the server's
            certificate and for ours (RFC 7250 §3).
    """

    def __init__(self):
        self.protocol = None
        self.record_size_limit = None
        self.max_fragment_length = None
        self.certificate_type = None
        self.client_certificate_type = None


def parse_encrypted_extensions(body, offered) -> EncryptedExtensions:
    """Read EncryptedExtensions (RFC 8446 §4.3.1).

    Args:
        offered: extension types of the ClientHello.
    """
    reader = Reader(body, "encrypted_extensions")
    block = reader.vector16()
    reader.finish()
    found = extensions.parse(block, extensions.IN_ENCRYPTED_EXTENSIONS, offered)
    if _EXT_SERVER_NAME in found:
        found[_EXT_SERVER_NAME].finish()  # RFC 6066 §3: the answer's extension_data is empty
    if _EXT_SUPPORTED_GROUPS in found:
        # RFC 8446 §4.2.7: what the server prefers; it changes nothing before the handshake ends.
        _check_codes(found[_EXT_SUPPORTED_GROUPS])
    said = EncryptedExtensions()
    if _EXT_APPLICATION_LAYER_PROTOCOL_NEGOTIATION in found:
        content = found[_EXT_APPLICATION_LAYER_PROTOCOL_NEGOTIATION]
        names = content.vector16(2)
        content.finish()
        said.protocol = bytes(names.vector8(1).rest())
        names.finish()  # RFC 7301 §3.1: the list "MUST contain exactly one "ProtocolName""
    _read_record_limits(said, found)
    said.certificate_type = _certificate_type(found.get(_EXT_SERVER_CERTIFICATE_TYPE))
    said.client_certificate_type = _certificate_type(found.get(_EXT_CLIENT_CERTIFICATE_TYPE))
    return said


def _read_record_limits(said, found):
    if _EXT_RECORD_SIZE_LIMIT in found:
        said.record_size_limit = extensions.read_record_size_limit(found[_EXT_RECORD_SIZE_LIMIT])
    if _EXT_MAX_FRAGMENT_LENGTH in found:
        content = found[_EXT_MAX_FRAGMENT_LENGTH]
        said.max_fragment_length = extensions.read_max_fragment_length(content)
        # RFC 8449 §5: "A client MUST treat receipt of both ... as a fatal error, and it SHOULD
        # generate an "illegal_parameter" alert."
        if said.record_size_limit is not None:
            raise illegal("encrypted_extensions.two_record_limits")


def _certificate_type(content):
    """Return the one CertificateType that was selected (RFC 7250 §3), None without extension."""
    if content is None:
        return None
    selected = content.u8()
    content.finish()
    return selected


def _check_codes(content):
    """Check a list of two-byte codes, <2..2^16-1>, which is all of an extension; return it."""
    codes = content.vector16(2)
    content.finish()
    if codes.remaining() & 1:
        raise decode_error(content.subject, "bad_length")
    return codes


def parse_certificate_request(body) -> tuple:
    """Read a CertificateRequest of the handshake (RFC 8446 §4.3.2).

    A client has one certificate or none, so the names of certificate_authorities, which "guide
    certificate selection", are checked for their form only: a certificate of the chain "SHOULD be
    issued by one of the listed CAs" (§4.4.2.3), but paths may cross, and a refusal says more than
    an empty Certificate. Of oid_filters no object identifier is recognised.

    Returns:
        (schemes that may sign a CertificateVerify, schemes that may sign certificates), lists.
    """
    reader = Reader(body, "certificate_request")
    # "zero length unless used for the post-handshake authentication exchanges"
    if reader.vector8().remaining():
        raise illegal("certificate_request.context")
    block = reader.vector16(2)
    reader.finish()
    # "Clients MUST ignore unrecognized extensions"
    found = extensions.parse(block, extensions.IN_CERTIFICATE_REQUEST)
    if _EXT_SIGNATURE_ALGORITHMS not in found:  # "The "signature_algorithms" extension MUST be ..."
        raise PeerMisbehaved("certificate_request.missing_extension", _ALERT_MISSING_EXTENSION)
    if _EXT_CERTIFICATE_AUTHORITIES in found:
        extensions.check_authorities(found[_EXT_CERTIFICATE_AUTHORITIES])
    schemes = _code_list(found[_EXT_SIGNATURE_ALGORITHMS])
    # §4.2.3: without signature_algorithms_cert the other "also applies to signatures appearing in
    # certificates".
    if _EXT_SIGNATURE_ALGORITHMS_CERT not in found:
        return schemes, schemes
    return schemes, _code_list(found[_EXT_SIGNATURE_ALGORITHMS_CERT])


def _code_list(content):
    codes = _check_codes(content)
    return [codes.u16() for _ in range(codes.remaining() >> 1)]


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
    if request not in (_UPDATE_NOT_REQUESTED, _UPDATE_REQUESTED):
        raise illegal("key_update.unknown_request")
    return request == _UPDATE_REQUESTED


def write_certificate(writer, chain):
    """Write a Certificate (RFC 8446 §4.4.2) without context and extensions.

    Args:
        chain: DER certificates, the end entity's first; a client that has none sends none.
    """
    writer.u8(_CERTIFICATE)
    message = writer.open(3)
    writer.vector8(b"")
    entries = writer.open(3)
    for certificate in chain:
        mark = writer.open(3)
        writer.raw(certificate)
        writer.close(mark, 3)
        writer.u16(0)
    writer.close(entries, 3)
    writer.close(message, 3)


def write_certificate_verify(writer, scheme, signature):
    """Write a CertificateVerify (RFC 8446 §4.4.3)."""
    writer.u8(_CERTIFICATE_VERIFY)
    message = writer.open(3)
    writer.u16(scheme)
    writer.vector16(signature)
    writer.close(message, 3)


def write_finished(writer, verify_data):
    """Write a Finished message (RFC 8446 §4.4.4)."""
    writer.raw(bytes((_FINISHED, 0, 0, len(verify_data))))
    writer.raw(verify_data)


def write_key_update(writer, request):
    """Write a KeyUpdate (RFC 8446 §4.6.3)."""
    writer.raw(bytes((_KEY_UPDATE, 0, 0, 1, request)))
