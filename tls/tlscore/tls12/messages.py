"""The handshake messages of TLS 1.2: how those that are read whole are read, and all are written.

As in ../messages.py every `parse_` function takes the body of one message as a memoryview, checks
its form and what holds whatever was said before, and raises PeerMisbehaved and nothing else. What
they return points into the message.

Elsewhere: the ClientHello (client_hello.py, client_hello_parser.py), Certificate and
NewSessionTicket, which are never held (message_streams.py).
"""

from tlscore import extensions
from tlscore.compat import const
from tlscore.errors import PeerMisbehaved, illegal
from tlscore.wire import Reader, decode_error

# See codepoints.py: copies that cost nothing on a board.
_TLS_1_2 = const(0x0303)
_SERVER_HELLO = const(2)
_NEW_SESSION_TICKET = const(4)
_SERVER_KEY_EXCHANGE = const(12)
_CERTIFICATE_REQUEST = const(13)
_SERVER_HELLO_DONE = const(14)
_CLIENT_KEY_EXCHANGE = const(16)
_EXT_SERVER_NAME = const(0)
_EXT_MAX_FRAGMENT_LENGTH = const(1)
_EXT_POINT_FORMATS = const(11)
_EXT_ALPN = const(16)
_EXT_EXTENDED_MASTER_SECRET = const(23)
_EXT_RECORD_SIZE_LIMIT = const(28)
_EXT_SESSION_TICKET = const(35)
_EXT_SUPPORTED_VERSIONS = const(43)
_EXT_RENEGOTIATION_INFO = const(0xFF01)
_ALERT_HANDSHAKE_FAILURE = const(40)
_ALERT_UNSUPPORTED_EXTENSION = const(110)

_NAMED_CURVE = const(3)  # ECCurveType (RFC 8422 §5.4)
# ClientCertificateType (RFC 5246 §7.4.4, RFC 8422 §5.5)
_RSA_SIGN = 1
_ECDSA_SIGN = 64

# What a ServerHello can answer here.
_ANSWERS = (
    _EXT_SERVER_NAME,
    _EXT_MAX_FRAGMENT_LENGTH,
    _EXT_POINT_FORMATS,
    _EXT_ALPN,
    _EXT_EXTENDED_MASTER_SECRET,
    _EXT_RECORD_SIZE_LIMIT,
    _EXT_SESSION_TICKET,
    _EXT_RENEGOTIATION_INFO,
)


class ServerHello:
    """What a ServerHello of TLS 1.2 says.

    Attributes:
        random, session_id: memoryviews.
        suite: number of the cipher suite.
        protocol: selected by ALPN, bytes, or None.
        record_size_limit, max_fragment_length: as in ../messages.EncryptedExtensions.
        extended_master_secret, secure_renegotiation: the extensions are there.
        ticket: a NewSessionTicket will come.
    """

    def __init__(self):
        self.random = b""
        self.session_id = b""
        self.suite = 0
        self.protocol = None
        self.record_size_limit = None
        self.max_fragment_length = None
        self.extended_master_secret = False
        self.secure_renegotiation = False
        self.ticket = False


def is_of_tls12(body) -> bool:
    """Tell whether a ServerHello is one of TLS 1.2; what is malformed is not, and is left alone."""
    if len(body) < 38 or body[0] != 3 or body[1] != 3:
        return False
    reader = Reader(body, "server_hello", 34)
    reader.vector8(0, 32)
    reader.take(3)
    if not reader.remaining():
        return True
    return extensions.find(reader.vector16(), _EXT_SUPPORTED_VERSIONS) is None


def parse_server_hello(body, offered) -> ServerHello:
    """Read a ServerHello (RFC 5246 §7.4.1.3).

    Args:
        offered: extension types of the ClientHello.
    """
    reader = Reader(body, "server_hello")
    hello = ServerHello()
    reader.u16()
    hello.random = reader.take(32)
    hello.session_id = reader.vector8(0, 32).rest()
    hello.suite = reader.u16()
    compression = reader.u8()
    block = reader.vector16() if reader.remaining() else Reader(body, reader.subject, len(body))
    reader.finish()
    if compression != 0:
        raise illegal("server_hello.compression")
    found = {}
    while block.remaining():
        extension = block.u16()
        content = block.vector16()
        # RFC 5246 §7.4.1.4: an extension that was not asked for "MUST" end the handshake "with an
        # unsupported_extension fatal alert"; "There MUST NOT be more than one ... of the same".
        if extension not in offered or extension not in _ANSWERS:
            raise PeerMisbehaved("server_hello.unsolicited_extension", _ALERT_UNSUPPORTED_EXTENSION)
        if extension in found:
            raise illegal("server_hello.duplicate_extension")
        found[extension] = content
    _read_answers(hello, found)
    return hello


def _read_answers(hello, found):
    hello.extended_master_secret = _flag(found, _EXT_EXTENDED_MASTER_SECRET)
    hello.ticket = _flag(found, _EXT_SESSION_TICKET)
    _flag(found, _EXT_SERVER_NAME)  # RFC 6066 §3: empty
    if _EXT_RENEGOTIATION_INFO in found:
        content = found[_EXT_RENEGOTIATION_INFO]
        # RFC 5746 §3.4: "verify that the length of the "renegotiated_connection" field is zero,
        # and if it is not, MUST abort the handshake (by sending a fatal handshake_failure alert)."
        if content.vector8().remaining():
            reason = "server_hello.renegotiated_connection"
            raise PeerMisbehaved(reason, _ALERT_HANDSHAKE_FAILURE)
        content.finish()
        hello.secure_renegotiation = True
    if _EXT_POINT_FORMATS in found:
        check_point_formats(found[_EXT_POINT_FORMATS])
    if _EXT_ALPN in found:
        content = found[_EXT_ALPN]
        names = content.vector16(2)
        content.finish()
        hello.protocol = bytes(names.vector8(1).rest())
        names.finish()  # RFC 7301 §3.1: exactly one
    if _EXT_RECORD_SIZE_LIMIT in found:
        hello.record_size_limit = extensions.read_record_size_limit(found[_EXT_RECORD_SIZE_LIMIT])
    if _EXT_MAX_FRAGMENT_LENGTH in found:
        content = found[_EXT_MAX_FRAGMENT_LENGTH]
        hello.max_fragment_length = extensions.read_max_fragment_length(content)
        # RFC 8449 §5: both at once are "a fatal error".
        if hello.record_size_limit is not None:
            raise illegal("server_hello.two_record_limits")


def _flag(found, extension):
    """Return whether an extension without content is there."""
    if extension not in found:
        return False
    found[extension].finish()
    return True


def check_point_formats(content):
    """Check ec_point_formats (RFC 8422 §5.1.2, §5.2): the uncompressed one must be there."""
    formats = bytes(content.vector8(1).rest())
    content.finish()
    if 0 not in formats:
        raise illegal(content.subject + ".point_formats")


class KeyExchange:
    """What a ServerKeyExchange says.

    Attributes:
        group: named group, None without a key exchange.
        share: the server's public key, a memoryview.
        signed: what a signature covers beside the randoms, a memoryview.
        scheme, signature: of the server's proof, None where there is none.
    """

    def __init__(self):
        self.group = None
        self.share = None
        self.signed = None
        self.scheme = None
        self.signature = None


def parse_server_key_exchange(body, by_key, exchanges) -> KeyExchange:
    """Read a ServerKeyExchange (RFC 8422 §5.4; RFC 4279 §2, RFC 5489 §2).

    Args:
        by_key: the suite has a pre-shared key, so a hint comes first and no signature last. The
            hint is of no use to who knows what key is for whom (RFC 4279 §5.2).
        exchanges: the suite has a key exchange.
    """
    reader = Reader(body, "server_key_exchange")
    said = KeyExchange()
    if by_key:
        reader.vector16()
    if exchanges:
        start = reader.position
        if reader.u8() != _NAMED_CURVE:
            raise illegal("server_key_exchange.curve_type")
        said.group = reader.u16()
        said.share = reader.vector8(1).rest()
        said.signed = body[start : reader.position]
        if not by_key:
            said.scheme = reader.u16()
            said.signature = reader.vector16().rest()
    reader.finish()
    return said


def parse_certificate_request(body) -> tuple:
    """Read a CertificateRequest (RFC 5246 §7.4.4); return (certificate types, schemes), lists.

    Names of authorities are checked for their form only, as in ../messages.py.
    """
    reader = Reader(body, "certificate_request")
    types = list(bytes(reader.vector8(1).rest()))
    codes = reader.vector16(2)
    if codes.remaining() & 1:
        raise decode_error("certificate_request", "bad_length")
    schemes = [codes.u16() for _ in range(codes.remaining() >> 1)]
    names = reader.vector16()
    reader.finish()
    while names.remaining():
        names.vector16(1)
    return types, schemes


def check_empty(body, subject):
    """Check that a message has no content: HelloRequest, ServerHelloDone."""
    Reader(body, subject).finish()


def parse_client_key_exchange(body, by_key, exchanges) -> tuple:
    """Read a ClientKeyExchange; return (identity or None, share or None), memoryviews.

    RFC 8422 §5.7; RFC 4279 §2, RFC 5489 §2. Arguments as for `parse_server_key_exchange`.
    """
    reader = Reader(body, "client_key_exchange")
    identity = reader.vector16().rest() if by_key else None
    share = reader.vector8(1).rest() if exchanges else None
    reader.finish()
    return identity, share


# --- writing


def write_server_hello(writer, random, session_id, suite, answers):
    """Write a ServerHello.

    Args:
        answers: (extension type, content) pairs.
    """
    writer.u8(_SERVER_HELLO)
    message = writer.open(3)
    writer.u16(_TLS_1_2)
    writer.raw(random)
    writer.vector8(session_id)
    writer.u16(suite)
    writer.u8(0)
    block = writer.open(2)
    for extension, content in answers:
        writer.u16(extension)
        writer.vector16(content)
    writer.close(block, 2)
    writer.close(message, 3)


def key_exchange_parameters(group, share) -> bytes:
    """Return the ServerECDHParams (RFC 8422 §5.4)."""
    return bytes((_NAMED_CURVE, group >> 8, group & 0xFF, len(share))) + share


def write_server_key_exchange(writer, by_key, parameters, scheme, signature):
    """Write a ServerKeyExchange; without `scheme` there is no signature."""
    writer.u8(_SERVER_KEY_EXCHANGE)
    message = writer.open(3)
    if by_key:
        writer.vector16(b"")  # psk_identity_hint: none
    writer.raw(parameters)
    if scheme is not None:
        writer.u16(scheme)
        writer.vector16(signature)
    writer.close(message, 3)


def certificate_request_bytes(schemes, authorities) -> int:
    """Return the size of a CertificateRequest, header included."""
    return 4 + 3 + 2 + 2 * len(schemes) + 2 + sum([2 + len(name) for name in authorities])


def write_certificate_request(writer, schemes, authorities):
    """Write a CertificateRequest (RFC 5246 §7.4.4).

    Args:
        authorities: DER Names of acceptable authorities; none: any.
    """
    writer.u8(_CERTIFICATE_REQUEST)
    message = writer.open(3)
    writer.vector8(bytes((_RSA_SIGN, _ECDSA_SIGN)))
    mark = writer.open(2)
    for code in schemes:
        writer.u16(code)
    writer.close(mark, 2)
    mark = writer.open(2)
    for name in authorities:
        writer.vector16(name)
    writer.close(mark, 2)
    writer.close(message, 3)


def write_server_hello_done(writer):
    """Write a ServerHelloDone."""
    writer.raw(bytes((_SERVER_HELLO_DONE, 0, 0, 0)))


def write_client_key_exchange(writer, identity, share):
    """Write a ClientKeyExchange; None stands for what the suite does not have."""
    writer.u8(_CLIENT_KEY_EXCHANGE)
    message = writer.open(3)
    if identity is not None:
        writer.vector16(identity)
    if share is not None:
        writer.vector8(share)
    writer.close(message, 3)


def new_session_ticket_bytes(size) -> int:
    """Return the size of a NewSessionTicket with a ticket of `size` bytes, header included."""
    return 4 + 4 + 2 + size


def write_new_session_ticket(writer, lifetime_s, sealed):
    """Write a NewSessionTicket (RFC 5077 §3.3)."""
    writer.u8(_NEW_SESSION_TICKET)
    message = writer.open(3)
    writer.raw(lifetime_s.to_bytes(4, "big"))
    writer.vector16(sealed)
    writer.close(message, 3)


def write_certificate(writer, chain):
    """Write a Certificate (RFC 5246 §7.4.2)."""
    writer.u8(11)
    message = writer.open(3)
    entries = writer.open(3)
    for certificate in chain:
        mark = writer.open(3)
        writer.raw(certificate)
        writer.close(mark, 3)
    writer.close(entries, 3)
    writer.close(message, 3)
