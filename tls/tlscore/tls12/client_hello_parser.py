"""The ClientHello as a server reads it that takes TLS 1.2 (RFC 5246 §7.4.1.2, RFC 8446 §4.2.1).

`version_of` tells which version it comes to; `parse` reads one for TLS 1.2. Extensions that are not
known here are ignored, however many there are; the first few are noted, to tell duplicates. What a
server makes of it is in server_choice.py.
"""

from tlscore import extensions
from tlscore.client_hello_parser import code_list, codes_of, contains, host_name_of, protocols_of
from tlscore.codepoints import TLS_1_2, TLS_1_3
from tlscore.compat import const
from tlscore.errors import PeerMisbehaved, illegal
from tlscore.tls12.messages import check_point_formats
from tlscore.wire import Reader

_ALERT_HANDSHAKE_FAILURE = const(40)
_ALERT_PROTOCOL_VERSION = const(70)
_ALERT_INAPPROPRIATE_FALLBACK = const(86)

_SERVER_NAME = const(0)
_MAX_FRAGMENT_LENGTH = const(1)
_SUPPORTED_GROUPS = const(10)
_POINT_FORMATS = const(11)
_SIGNATURE_ALGORITHMS = const(13)
_ALPN = const(16)
_EXTENDED_MASTER_SECRET = const(23)
_RECORD_SIZE_LIMIT = const(28)
_SESSION_TICKET = const(35)
_SUPPORTED_VERSIONS = const(43)
_RENEGOTIATION_INFO = const(0xFF01)
_KNOWN = (0, 1, 10, 11, 13, 16, 23, 28, 35, 0xFF01)
# Signalling values in the list of suites (RFC 5746 §3.3, RFC 7507 §2).
_EMPTY_RENEGOTIATION_INFO_SCSV = const(0x00FF)
_FALLBACK_SCSV = const(0x5600)
# As in ../client_hello_parser.py.
_UNKNOWN_NOTED = const(32)


class ReceivedHello:
    """What a ClientHello for TLS 1.2 says; lists are Readers over it, None if missing.

    Attributes:
        random, session_id, server_name, ticket: memoryviews; None where there is none.
        suites, groups, schemes: lists of two-byte codes.
        protocols: the ProtocolNameList of ALPN.
        record_size_limit, max_fragment_length: as in ../client_hello_parser.py.
        point_formats, extended_master_secret, secure_renegotiation: the client speaks of them.
    """

    def __init__(self):
        self.random = None
        self.session_id = None
        self.suites = None
        self.groups = None
        self.schemes = None
        self.protocols = None
        self.server_name = None
        self.ticket = None
        self.record_size_limit = None
        self.max_fragment_length = None
        self.point_formats = False
        self.extended_master_secret = False
        self.secure_renegotiation = False


def version_of(body, versions) -> int:
    """Return the best of our versions that a ClientHello offers.

    Raises:
        PeerMisbehaved: there is none in common; or the client has fallen back from a version
            that it could have had (RFC 7507 §3: "inappropriate_fallback").
    """
    reader = Reader(body, "client_hello")
    legacy_version = reader.u16()
    reader.take(32)
    reader.vector8(0, 32)
    suites = codes_of(reader.vector16(2))
    reader.vector8(1)
    block = reader.vector16() if reader.remaining() else Reader(body, reader.subject, len(body))
    reader.finish()
    supported = extensions.find(block, _SUPPORTED_VERSIONS)
    best = None
    if supported is not None:
        # RFC 8446 §4.2.1: with the extension, "servers MUST NOT use" legacy_version.
        offered = codes_of(supported.vector8(2, 254))
        supported.finish()
        for version in (TLS_1_3, TLS_1_2):
            if best is None and version in versions and contains(offered, version):
                best = version
    elif legacy_version >= TLS_1_2:
        # Appendix D.2: a higher number than ours is answered with ours.
        best = TLS_1_2
    if best is None:
        raise PeerMisbehaved("client_hello.version_not_supported", _ALERT_PROTOCOL_VERSION)
    if best < max(versions) and contains(suites, _FALLBACK_SCSV):
        raise PeerMisbehaved("client_hello.inappropriate_fallback", _ALERT_INAPPROPRIATE_FALLBACK)
    return best


def parse(body, has_cookie=False) -> ReceivedHello:
    """Read the body of a ClientHello that `version_of` has found to come to TLS 1.2.

    Args:
        has_cookie: it is one of DTLS (RFC 6347 §4.2.1).

    Raises:
        PeerMisbehaved: it is malformed or breaks a rule.
    """
    reader = Reader(body, "client_hello")
    hello = ReceivedHello()
    reader.u16()
    hello.random = reader.take(32)
    hello.session_id = reader.vector8(0, 32).rest()
    if has_cookie:
        reader.vector8()
    hello.suites = codes_of(reader.vector16(2))
    # RFC 5246 §7.4.1.2: the list "MUST contain ... CompressionMethod.null"; others may be there.
    if 0 not in bytes(reader.vector8(1).rest()):
        raise illegal("client_hello.compression")
    found = _known_extensions(reader.vector16()) if reader.remaining() else {}
    _read_lists(hello, found)
    _read_rest(hello, found)
    return hello


def _known_extensions(block):
    found = {}
    unknown = []
    while block.remaining():
        extension = block.u16()
        content = block.vector16()
        # RFC 5246 §7.4.1.4: "There MUST NOT be more than one extension of the same type."
        if extension in found or extension in unknown:
            raise illegal("client_hello.duplicate_extension")
        if extension in _KNOWN:
            found[extension] = content
        elif len(unknown) < _UNKNOWN_NOTED:
            unknown.append(extension)
    return found


def _read_lists(hello, found):
    if _SUPPORTED_GROUPS in found:
        hello.groups = code_list(found[_SUPPORTED_GROUPS])
    if _SIGNATURE_ALGORITHMS in found:
        hello.schemes = code_list(found[_SIGNATURE_ALGORITHMS])
    if _ALPN in found:
        hello.protocols = protocols_of(found[_ALPN])
    if _POINT_FORMATS in found:
        check_point_formats(found[_POINT_FORMATS])
        hello.point_formats = True


def _read_rest(hello, found):
    if _SERVER_NAME in found:
        hello.server_name = host_name_of(found[_SERVER_NAME])
    if _RECORD_SIZE_LIMIT in found:
        hello.record_size_limit = extensions.read_record_size_limit(found[_RECORD_SIZE_LIMIT])
    # RFC 8449 §5: max_fragment_length is ignored beside it.
    elif _MAX_FRAGMENT_LENGTH in found:
        hello.max_fragment_length = extensions.read_max_fragment_length(found[_MAX_FRAGMENT_LENGTH])
    if _EXTENDED_MASTER_SECRET in found:
        found[_EXTENDED_MASTER_SECRET].finish()  # RFC 7627 §5.1: empty
        hello.extended_master_secret = True
    if _SESSION_TICKET in found:
        hello.ticket = found[_SESSION_TICKET].rest()
    hello.secure_renegotiation = contains(hello.suites, _EMPTY_RENEGOTIATION_INFO_SCSV)
    if _RENEGOTIATION_INFO in found:
        content = found[_RENEGOTIATION_INFO]
        # RFC 5746 §3.6: "verify that the "renegotiated_connection" field is empty, and if it is
        # not, MUST abort the handshake".
        if content.vector8().remaining():
            reason = "client_hello.renegotiated_connection"
            raise PeerMisbehaved(reason, _ALERT_HANDSHAKE_FAILURE)
        content.finish()
        hello.secure_renegotiation = True
