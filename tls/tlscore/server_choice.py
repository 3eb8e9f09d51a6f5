"""What a server makes of a client's offer: its choices, or the alert if there is none to make.

Pure functions of a ServerConfig and a ReceivedHello. RFC 8446 §4.1.1: "If the server is unable to
negotiate a supported set of parameters (i.e., there is no overlap between the client and server
parameters), it MUST abort the handshake with either a "handshake_failure" or
"insufficient_security" fatal alert". The server's order of preference decides.
"""

from tlscore.client_hello_parser import contains, first_of, protocol_of, share_of
from tlscore.compat import const
from tlscore.crypto import signature
from tlscore.errors import PeerMisbehaved

_ALERT_HANDSHAKE_FAILURE = const(40)
_ALERT_UNRECOGNIZED_NAME = const(112)
_ALERT_NO_APPLICATION_PROTOCOL = const(120)


def suite(config, hello) -> int:
    """Return the number of the cipher suite."""
    return _some(first_of(config.suites, hello.suites), "client_hello.no_common_suite")


def group(config, hello) -> int:
    """Return the first group there is a share for, or else the first there is at all."""
    # §9.2 lets a client that offers a pre-shared key leave groups and schemes out; we take no
    # such key, so we need them.
    _some(hello.groups, "client_hello.psk_only")
    for code in config.groups:
        if contains(hello.groups, code) and share_of(hello.shares, code) is not None:
            return code
    return _some(first_of(config.groups, hello.groups), "client_hello.no_common_group")


def signature_scheme(config, hello) -> int:
    """Return the scheme of our CertificateVerify (§4.4.3)."""
    _some(hello.schemes, "client_hello.psk_only")
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
