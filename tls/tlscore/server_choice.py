"""What a server makes of a client's offer: its choices, or the alert if there is none to make.

Pure functions of a ServerConfig and a ReceivedHello. RFC 8446 §4.1.1: "If the server is unable to
negotiate a supported set of parameters (i.e., there is no overlap between the client and server
parameters), it MUST abort the handshake with either a "handshake_failure" or
"insufficient_security" fatal alert". The server's order of preference decides.
"""

from tlscore.client_hello_parser import contains, first_of, protocol_of, share_of
from tlscore.codepoints import (
    ALERT_MISSING_EXTENSION,
    ALERT_UNSUPPORTED_CERTIFICATE,
    CERTIFICATE_X509,
    EXT_APPLICATION_LAYER_PROTOCOL_NEGOTIATION,
    EXT_CLIENT_CERTIFICATE_TYPE,
    EXT_MAX_FRAGMENT_LENGTH,
    EXT_RECORD_SIZE_LIMIT,
    EXT_SERVER_CERTIFICATE_TYPE,
    EXT_SERVER_NAME,
    EXT_SUPPORTED_GROUPS,
)
from tlscore.compat import const
from tlscore.errors import PeerMisbehaved

_ALERT_HANDSHAKE_FAILURE = const(40)
_ALERT_UNRECOGNIZED_NAME = const(112)
_ALERT_NO_APPLICATION_PROTOCOL = const(120)

# RFC 8449 §4: 2^14 and the content type, for a receive buffer with room for every record.
_RECORD_SIZE_LIMIT_MAX = const(16385)


def suite(config, hello) -> int:
    """Return the number of the cipher suite."""
    return _some(first_of(config.suites, hello.suites), "client_hello.no_common_suite")


def group(config, hello) -> int:
    """Return the first group there is a share for, or else the first there is at all."""
    # §9.2 lets a client that offers a pre-shared key leave groups out; where none of its keys was
    # taken we need them.
    _some(hello.groups, "client_hello.psk_only")
    return _some(common_group(config, hello), "client_hello.no_common_group")


def common_group(config, hello):
    """As `group`, of a client that has groups; None if none of them is ours."""
    for code in config.groups:
        if contains(hello.groups, code) and share_of(hello.shares, code) is not None:
            return code
    return first_of(config.groups, hello.groups)


def signature_scheme(config, hello) -> int:
    """Return the scheme of our CertificateVerify (§4.4.3)."""
    # §4.2.3: "If a server is authenticating via a certificate and the client has not sent a
    # "signature_algorithms" extension, then the server MUST abort the handshake with a
    # "missing_extension" alert".
    if hello.schemes is None:
        raise PeerMisbehaved("client_hello.missing_extension", ALERT_MISSING_EXTENSION)
    # Loaded here: a server that has only pre-shared keys signs nothing.
    from tlscore.crypto import signature  # noqa: PLC0415

    schemes = signature.signing_schemes(config.private_key[0])
    return _some(first_of(schemes, hello.schemes), "client_hello.no_common_scheme")


def _some(choice, reason):
    if choice is None:
        raise PeerMisbehaved(reason, _ALERT_HANDSHAKE_FAILURE)
    return choice


def server_name(config, hello):
    """Return the name asked for by SNI as bytes, None if there is none."""
    if hello.server_name is None:
        return None
    name = bytes(hello.server_name)
    # RFC 6066 §3: a server that does not recognize the name may send a fatal unrecognized_name;
    # names are compared without regard to case (RFC 4343).
    if config.server_names and name.lower() not in [ours.lower() for ours in config.server_names]:
        raise PeerMisbehaved("client_hello.unknown_server_name", _ALERT_UNRECOGNIZED_NAME)
    return name


def protocol(config, hello):
    """Return the protocol chosen by ALPN (RFC 7301), None if either side knows nothing of it."""
    if not config.alpn or hello.protocols is None:
        return None
    chosen = protocol_of(config.alpn, hello.protocols)
    # §3.2: "the server SHALL respond with a fatal "no_application_protocol" alert".
    if chosen is None:
        raise PeerMisbehaved("client_hello.no_common_protocol", _ALERT_NO_APPLICATION_PROTOCOL)
    return chosen


def certificate_type(config, hello) -> int:
    """Return the CertificateType of our Certificate message (RFC 7250)."""
    chosen = _common(config.certificate_types, hello.server_certificate_types)
    # §4.2: without a type in common "the server terminates the session with a fatal alert of type
    # "unsupported_certificate"".
    if chosen is None:
        reason = "client_hello.no_common_certificate_type"
        raise PeerMisbehaved(reason, ALERT_UNSUPPORTED_CERTIFICATE)
    return chosen


def client_certificate_type(config, hello):
    """Return the CertificateType to ask the client for, None if it is not to be asked."""
    if config.trust is None:
        return None
    chosen = _common(config.client_certificate_types, hello.client_certificate_types)
    # As above, unless we can do without.
    if chosen is None and config.certificate_required:
        reason = "client_hello.no_common_client_certificate_type"
        raise PeerMisbehaved(reason, ALERT_UNSUPPORTED_CERTIFICATE)
    return chosen


def _common(ours, theirs):
    """Return the first of our CertificateTypes that a client listed; X.509 if it lists none."""
    for kind in ours:
        for other in (CERTIFICATE_X509,) if theirs is None else theirs:
            if other == kind:
                return kind
    return None


def record_limits(config, hello) -> tuple:
    """Return how many bytes of content we may send in a record, and of plaintext may receive.

    None stands for a limit that was not negotiated. The plaintext is content, content type and
    padding (RFC 8446 §5.4).
    """
    if hello.record_size_limit is not None:
        return hello.record_size_limit - 1, config.record_size_limit
    if hello.max_fragment_length is not None:
        size = 256 << hello.max_fragment_length
        return size, size + 1
    return None, None


def answers(config, hello, chosen_group, chosen_protocol, our_type, client_type) -> list:
    """Return what EncryptedExtensions says (§4.3.1), as (extension type, content) pairs.

    Args:
        chosen_group, chosen_protocol, our_type, client_type: results of the functions above; the
            group is None without a key exchange, the types are with a pre-shared key.
    """
    found = []
    # §4.2.7: a server with "a group it prefers to the ones in the "key_share" extension" that took
    # one of them "SHOULD send "supported_groups" to update the client's view of its preferences".
    if chosen_group not in (None, config.groups[0]):
        codes = b"".join([bytes((code >> 8, code & 0xFF)) for code in config.groups])
        found.append((EXT_SUPPORTED_GROUPS, bytes((0, len(codes))) + codes))
    # RFC 6066 §3: answered by a server that used the name.
    if hello.server_name is not None and len(config.server_names):
        found.append((EXT_SERVER_NAME, b""))
    if hello.record_size_limit is not None:
        limit = config.record_size_limit or _RECORD_SIZE_LIMIT_MAX
        found.append((EXT_RECORD_SIZE_LIMIT, bytes((limit >> 8, limit & 0xFF))))
    elif hello.max_fragment_length is not None:
        # RFC 6066 §4: the same value as the client's.
        found.append((EXT_MAX_FRAGMENT_LENGTH, bytes((hello.max_fragment_length,))))
    if chosen_protocol is not None:
        size = len(chosen_protocol)
        names = bytes((size + 1 >> 8, size + 1 & 0xFF, size)) + chosen_protocol
        found.append((EXT_APPLICATION_LAYER_PROTOCOL_NEGOTIATION, names))
    # RFC 7250 §4.2: a type of the client's is named only if a certificate is asked for.
    if hello.client_certificate_types is not None and client_type is not None:
        found.append((EXT_CLIENT_CERTIFICATE_TYPE, bytes((client_type,))))
    if hello.server_certificate_types is not None and our_type is not None:
        found.append((EXT_SERVER_CERTIFICATE_TYPE, bytes((our_type,))))
    return found
