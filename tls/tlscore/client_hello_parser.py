"""The ClientHello as a server reads it (RFC 8446 §4.1.2, §4.2, §9.2).

`parse` checks the form and every rule that holds whatever the server is willing to do; what it
returns points into the message and is gone with it. What a server makes of it is in server.py.

A ClientHello without TLS 1.3 in supported_versions, or without that extension, is one of an older
version: it is refused with protocol_version before its extensions are read, because the rules they
are held to here are not its own (appendix D.2).

Extensions that are not known here are ignored (§4.1.2: "Servers MUST ignore unrecognized
extensions"), however many there are; the first few are noted, to tell duplicates.
"""

from tlscore import extensions
from tlscore.codepoints import ALERT_MISSING_EXTENSION
from tlscore.compat import const
from tlscore.crypto.hashes import SHA256
from tlscore.errors import PeerMisbehaved, illegal
from tlscore.offered_keys import read_keys, read_modes
from tlscore.wire import Reader, decode_error

_ALERT_PROTOCOL_VERSION = const(70)
_TLS_1_3 = const(0x0304)
_SSL_3_0 = const(0x0300)

_SERVER_NAME = const(0)
_MAX_FRAGMENT_LENGTH = const(1)
_SUPPORTED_GROUPS = const(10)
_SIGNATURE_ALGORITHMS = const(13)
_ALPN = const(16)
_CLIENT_CERTIFICATE_TYPE = const(19)
_SERVER_CERTIFICATE_TYPE = const(20)
_PADDING = const(21)
_RECORD_SIZE_LIMIT = const(28)
_PRE_SHARED_KEY = const(41)
_EARLY_DATA = const(42)
_SUPPORTED_VERSIONS = const(43)
_COOKIE = const(44)
_PSK_KEY_EXCHANGE_MODES = const(45)
_CERTIFICATE_AUTHORITIES = const(47)
_POST_HANDSHAKE_AUTH = const(49)
_SIGNATURE_ALGORITHMS_CERT = const(50)
_KEY_SHARE = const(51)

# What a second ClientHello may change (§4.1.2), beside binders and the padding of RFC 7685.
_MAY_CHANGE = (_PADDING, _PRE_SHARED_KEY, _EARLY_DATA, _COOKIE, _KEY_SHARE)
# Browsers send about ten that are not known here.
_UNKNOWN_NOTED = const(32)


class ReceivedHello:
    """What a ClientHello for TLS 1.3 says; every list is a Reader over it, or None if missing.

    Attributes:
        random, session_id: memoryviews.
        suites, groups, schemes: lists of two-byte codes.
        shares: the KeyShareEntry list.
        protocols: the ProtocolNameList of ALPN.
        server_name: host_name as a memoryview, or None.
        cookie: memoryview, or None.
        record_size_limit: of RFC 8449, or None.
        max_fragment_length: its code (RFC 6066 §4), or None; None beside a record_size_limit.
        client_certificate_types, server_certificate_types: CertificateTypes of RFC 7250 that the
            client can show and can take, its preferred first: memoryviews, or None.
        psk_modes: PskKeyExchangeModes as bytes, or None.
        identities, binders: of the pre-shared keys, or None.
        binders_at: position in the body from which on it is not what the binders are made of.
        early_data: the client means to send early data.
    """

    def __init__(self):
        self.random = None
        self.session_id = None
        self.suites = None
        self.groups = None
        self.schemes = None
        self.shares = None
        self.protocols = None
        self.server_name = None
        self.cookie = None
        self.record_size_limit = None
        self.max_fragment_length = None
        self.client_certificate_types = None
        self.server_certificate_types = None
        self.psk_modes = None
        self.identities = None
        self.binders = None
        self.binders_at = 0
        self.early_data = False


def parse(body, version=_TLS_1_3) -> ReceivedHello:
    """Read the body of a ClientHello, a memoryview.

    Args:
        version: the one that has to be offered; one of DTLS has a cookie's field (RFC 9147 §5.3).

    Raises:
        PeerMisbehaved: it is malformed, breaks a rule, or is not for TLS 1.3.
    """
    reader = Reader(body, "client_hello")
    hello = ReceivedHello()
    legacy_version = reader.u16()
    hello.random = reader.take(32)
    hello.session_id = reader.vector8(0, 32).rest()
    if version != _TLS_1_3 and reader.vector8().remaining():
        # RFC 9147 §5.3: "any other value ... MUST abort the handshake with an "illegal_parameter"".
        raise illegal("client_hello.legacy_cookie")
    hello.suites = codes_of(reader.vector16(2))
    compression = reader.vector8(1).rest()
    # Before TLS 1.3 the extensions could be missing altogether (RFC 5246 §7.4.1.2).
    block = reader.vector16() if reader.remaining() else Reader(body, reader.subject, len(body))
    reader.finish()
    _check_version(legacy_version, block, version)
    # RFC 8446 §4.1.2: the vector "MUST contain exactly one byte, set to zero"; "with any other
    # value ... the server MUST abort the handshake with an "illegal_parameter" alert."
    if len(compression) != 1 or compression[0]:
        raise illegal("client_hello.compression")
    found = _known_extensions(block)
    _check_presence(found)
    _read_lists(hello, found)
    _read_rest(hello, found)
    return hello


def _check_version(legacy_version, block, version):
    # §D.5: a Hello "with ClientHello.legacy_version ... set to 0x0300 MUST abort the handshake
    # with a "protocol_version" alert"; other values are not looked at (§4.2.1).
    supported = extensions.find(block, _SUPPORTED_VERSIONS)
    if legacy_version > _SSL_3_0 and supported is not None:
        versions = codes_of(supported.vector8(2, 254))
        supported.finish()
        if contains(versions, version):
            return
    raise PeerMisbehaved("client_hello.version_not_supported", _ALERT_PROTOCOL_VERSION)


def _known_extensions(block):
    """Return a dict from the type of every extension that is known to a Reader of its content."""
    found = {}
    unknown = []
    last = None
    while block.remaining():
        last = block.u16()
        content = block.vector16()
        # §4.2: "There MUST NOT be more than one extension of the same type".
        if last in found or last in unknown:
            raise illegal("client_hello.duplicate_extension")
        if not extensions.permitted(last, extensions.IN_CLIENT_HELLO):
            raise illegal("client_hello.misplaced_extension")
        if extensions.known(last):
            found[last] = content
        elif len(unknown) < _UNKNOWN_NOTED:
            unknown.append(last)
    # §4.2.11: pre_shared_key "MUST be the last extension in the ClientHello"; otherwise "fail the
    # handshake with an "illegal_parameter" alert".
    if _PRE_SHARED_KEY in found and last != _PRE_SHARED_KEY:
        raise illegal("client_hello.pre_shared_key_not_last")
    return found


def _check_presence(found):
    """Check which extensions there must be (§9.2); "missing_extension" is the alert for all."""
    has_psk = _PRE_SHARED_KEY in found
    has_groups = _SUPPORTED_GROUPS in found
    # "If not containing a "pre_shared_key" extension, it MUST contain both".
    complete = has_psk or (has_groups and _SIGNATURE_ALGORITHMS in found)
    # "If containing a "supported_groups" extension, it MUST also contain a "key_share" extension,
    # and vice versa."
    complete = complete and has_groups == (_KEY_SHARE in found)
    # §4.2.9: "If clients offer "pre_shared_key" without a "psk_key_exchange_modes" extension,
    # servers MUST abort the handshake."
    if not complete or (has_psk and _PSK_KEY_EXCHANGE_MODES not in found):
        raise PeerMisbehaved("client_hello.missing_extension", ALERT_MISSING_EXTENSION)


def _read_lists(hello, found):
    if _SUPPORTED_GROUPS in found:
        hello.groups = code_list(found[_SUPPORTED_GROUPS])
    if _SIGNATURE_ALGORITHMS in found:
        hello.schemes = code_list(found[_SIGNATURE_ALGORITHMS])
    if _SIGNATURE_ALGORITHMS_CERT in found:
        code_list(found[_SIGNATURE_ALGORITHMS_CERT])
    if _KEY_SHARE in found:
        content = found[_KEY_SHARE]
        hello.shares = content.vector16()
        content.finish()
        _check_shares(hello)
    if _ALPN in found:
        hello.protocols = protocols_of(found[_ALPN])
    if _PSK_KEY_EXCHANGE_MODES in found:
        hello.psk_modes = read_modes(found[_PSK_KEY_EXCHANGE_MODES])
    if _PRE_SHARED_KEY in found:
        hello.identities, hello.binders, hello.binders_at = read_keys(found[_PRE_SHARED_KEY])


def _check_shares(hello):
    """Check the rules of §4.2.8 for the list of shares; a single share is checked when used."""
    shares = again(hello.shares)
    while shares.remaining():
        group = shares.u16()
        shares.vector16(1)
        # "Clients MUST NOT offer any KeyShareEntry values for groups not listed ...". "Servers MAY
        # check for violations of these rules and abort ... with an "illegal_parameter" alert".
        if not contains(hello.groups, group):
            raise illegal("client_hello.share_without_group")
        # "Clients MUST NOT offer multiple KeyShareEntry values for the same group."
        rest = again(shares)
        while rest.remaining():
            if rest.u16() == group:
                raise illegal("client_hello.duplicate_share")
            rest.vector16(1)


def protocols_of(content):
    """Return the ProtocolNameList of RFC 7301 §3.1 after checking that no name is empty."""
    names = content.vector16(2)
    content.finish()
    ahead = again(names)
    while ahead.remaining():
        ahead.vector8(1)
    return names


def _read_rest(hello, found):
    if _SERVER_NAME in found:
        hello.server_name = host_name_of(found[_SERVER_NAME])
    if _COOKIE in found:
        content = found[_COOKIE]
        hello.cookie = content.vector16(1).rest()
        content.finish()
    if _RECORD_SIZE_LIMIT in found:
        hello.record_size_limit = extensions.read_record_size_limit(found[_RECORD_SIZE_LIMIT])
    # RFC 8449 §5: a server "MUST ignore a "max_fragment_length" ... if both extensions appear."
    elif _MAX_FRAGMENT_LENGTH in found:
        hello.max_fragment_length = extensions.read_max_fragment_length(found[_MAX_FRAGMENT_LENGTH])
    hello.client_certificate_types = _certificate_types(found.get(_CLIENT_CERTIFICATE_TYPE))
    hello.server_certificate_types = _certificate_types(found.get(_SERVER_CERTIFICATE_TYPE))
    if _EARLY_DATA in found:
        found[_EARLY_DATA].finish()  # §4.2.10: empty in a ClientHello
        hello.early_data = True
    if _CERTIFICATE_AUTHORITIES in found:
        # §4.2.4: they "guide certificate selection"; a server of one identity has no choice.
        extensions.check_authorities(found[_CERTIFICATE_AUTHORITIES])
    if _POST_HANDSHAKE_AUTH in found:
        found[_POST_HANDSHAKE_AUTH].finish()  # §4.2.6: "zero length"


def _certificate_types(content):
    """Return the list of a certificate type extension (RFC 7250 §3), None without one."""
    if content is None:
        return None
    types = content.vector8(1).rest()
    content.finish()
    return types


def host_name_of(content):
    """Return the host_name of a ServerNameList (RFC 6066 §3), or None if it has none."""
    names = content.vector16(1)
    content.finish()
    host_name = None
    while names.remaining():
        name_type = names.u8()
        name = names.vector16(1).rest()
        if name_type:
            continue  # only host_name(0) is defined
        if host_name is not None:
            # "MUST NOT contain more than one name of the same name_type".
            raise illegal("client_hello.duplicate_server_name")
        for octet in name:
            # "represented as a byte string using ASCII encoding"; a NUL would cut it short for C.
            if not 0x20 < octet < 0x7F:
                raise illegal("client_hello.server_name")
        host_name = name
    return host_name


def code_list(content):
    codes = codes_of(content.vector16(2))
    content.finish()
    return codes


def codes_of(codes):
    """Check that a Reader is over codes of two bytes, and return it."""
    if codes.remaining() & 1:
        raise decode_error(codes.subject, "bad_length")
    return codes


# --- looking into the lists


def again(reader) -> Reader:
    """Return another Reader over what a Reader has left."""
    return Reader(reader.data, reader.subject, reader.position, reader.end)


def contains(codes, code) -> bool:
    """Tell whether a list of two-byte codes has `code`; the list, a Reader, stays as it is."""
    data = codes.data
    for at in range(codes.position, codes.end, 2):
        if data[at] << 8 | data[at + 1] == code:
            return True
    return False


def first_of(wanted, codes):
    """Return the first of the codes `wanted` that the list has, or None."""
    for code in wanted:
        if contains(codes, code):
            return code
    return None


def share_of(shares, group):
    """Return the key_exchange of the KeyShareEntry for a group, a memoryview, or None."""
    ahead = again(shares)
    while ahead.remaining():
        found = ahead.u16()
        share = ahead.vector16(1).rest()
        if found == group:
            return share
    return None


def protocol_of(wanted, protocols):
    """Return the first of the protocols `wanted` that a ProtocolNameList has, or None."""
    for protocol in wanted:
        ahead = again(protocols)
        while ahead.remaining():
            if ahead.vector8(1).rest() == protocol:
                return protocol
    return None


def fingerprint(body, has_cookie=False) -> int:
    """Return a number that stands for all that a second ClientHello must repeat (RFC 8446 §4.1.2).

    Extensions count in any order, which means nothing (§4.2: they "MAY appear in any order"), and
    which wolfSSL changes: the number is the sum of their digests. One digest runs at a time.

    Args:
        body: of a ClientHello that `parse` has accepted.
        has_cookie: it is one of DTLS.
    """
    reader = Reader(body, "client_hello")
    reader.take(34)
    reader.vector8()
    if has_cookie:
        reader.vector8()
    reader.vector16()
    reader.vector8()
    total = _number_of(body[: reader.position])
    block = reader.vector16()
    while block.remaining():
        start = block.position
        extension = block.u16()
        block.vector16()
        if extension not in _MAY_CHANGE:
            total += _number_of(body[start : block.position])
    return total


def _number_of(data) -> int:
    return int.from_bytes(SHA256.new(data).digest(), "big")
