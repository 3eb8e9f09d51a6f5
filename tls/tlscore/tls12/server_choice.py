"""What a server makes of a client's offer of TLS 1.2: its choices, or the alert if there is none.

Pure functions of a ServerConfig and a ReceivedHello, as in ../server_choice.py, whose functions for
names and protocols serve here too. The server's order of preference decides.
"""

from tlscore.client_hello_parser import contains, first_of
from tlscore.codepoints import (
    EXT_APPLICATION_LAYER_PROTOCOL_NEGOTIATION,
    EXT_MAX_FRAGMENT_LENGTH,
    EXT_RECORD_SIZE_LIMIT,
    EXT_SERVER_NAME,
)
from tlscore.compat import const
from tlscore.errors import PeerMisbehaved
from tlscore.tls12 import suites

_ALERT_HANDSHAKE_FAILURE = const(40)
_SECP256R1 = const(0x0017)
_EXT_POINT_FORMATS = const(11)
_EXT_EXTENDED_MASTER_SECRET = const(23)
_EXT_SESSION_TICKET = const(35)
_EXT_RENEGOTIATION_INFO = const(0xFF01)
_RECORD_SIZE_LIMIT_MAX = const(16384)  # RFC 8449 §4: 2^14 in TLS 1.2


def choose(config, hello) -> tuple:
    """Return (suite, group or None, signature scheme or None).

    RFC 5246 §7.4.1.3 leaves handshake_failure where nothing is in common.
    """
    group = _group(config, hello)
    scheme = _scheme(config, hello)
    for code in config.suites12:
        if not contains(hello.suites, code):
            continue
        suite = suites.find(code)
        bits = suite.bits
        if bits & suites.EXCHANGE and group is None:
            continue
        if bits & suites.KEY:
            return suite, group if bits & suites.EXCHANGE else None, None
        if scheme is not None and bool(bits & suites.RSA) == config.has_rsa_key:
            return suite, group, scheme
    raise PeerMisbehaved("client_hello.no_common_suite", _ALERT_HANDSHAKE_FAILURE)


def _group(config, hello):
    # RFC 8422 §4: a client without the extension may be given any curve; all know P-256.
    if hello.groups is None:
        return _SECP256R1 if _SECP256R1 in config.groups else None
    return first_of(config.groups, hello.groups)


def _scheme(config, hello):
    """Return the scheme of our ServerKeyExchange, None if there is none in common.

    RFC 5246 §7.4.1.4.1: a client that does not send signature_algorithms knows SHA-1 only.
    """
    if not config.certificates or hello.schemes is None:
        return None
    # Loaded here: a server that has only pre-shared keys signs nothing.
    from tlscore.tls12.signature import signing_schemes  # noqa: PLC0415

    return first_of(signing_schemes(config.private_key[0]), hello.schemes)


def record_limits(config, hello) -> tuple:
    """Return how many bytes of content we may send in a record and may receive, or None."""
    if hello.record_size_limit is not None:
        return hello.record_size_limit, config.record_size_limit
    if hello.max_fragment_length is not None:
        size = 256 << hello.max_fragment_length
        return size, size
    return None, None


def answers(config, hello, protocol, exchanges, gives_ticket, resumed) -> list:
    """Return the extensions of our ServerHello as (extension type, content) pairs.

    Args:
        protocol: chosen by ALPN, or None.
        exchanges: the suite has a key exchange.
        gives_ticket: a NewSessionTicket will follow.
        resumed: RFC 6066 §3: the name is not answered when a session goes on.
    """
    found = []
    if hello.secure_renegotiation:
        found.append((_EXT_RENEGOTIATION_INFO, b"\x00"))
    if hello.extended_master_secret:
        found.append((_EXT_EXTENDED_MASTER_SECRET, b""))
    if hello.server_name is not None and len(config.server_names) and not resumed:
        found.append((EXT_SERVER_NAME, b""))
    # RFC 8422 §5.2: an answer, and only if the suite has a key exchange on a curve.
    if exchanges and hello.point_formats:
        found.append((_EXT_POINT_FORMATS, b"\x01\x00"))
    if hello.record_size_limit is not None:
        limit = config.record_size_limit or _RECORD_SIZE_LIMIT_MAX
        found.append((EXT_RECORD_SIZE_LIMIT, bytes((limit >> 8, limit & 0xFF))))
    elif hello.max_fragment_length is not None:
        found.append((EXT_MAX_FRAGMENT_LENGTH, bytes((hello.max_fragment_length,))))
    if protocol is not None:
        size = len(protocol)
        names = bytes((size + 1 >> 8, size + 1 & 0xFF, size)) + protocol
        found.append((EXT_APPLICATION_LAYER_PROTOCOL_NEGOTIATION, names))
    if gives_ticket:
        found.append((_EXT_SESSION_TICKET, b""))
    return found
