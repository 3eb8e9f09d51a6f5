"""What the caller decides about a connection, checked once and before anything is sent.

A configuration is read by any number of connections and changed by none. Entropy, clock and trust
have no default: leaving one out is refused, never replaced (see entropy.py, clock.py, trust.py for
what can be given).
"""

from tlscore import client_hello, key_exchange, suites
from tlscore.codepoints import (
    SECP256R1,
    TLS_AES_128_GCM_SHA256,
    TLS_CHACHA20_POLY1305_SHA256,
    X25519,
)
from tlscore.compat import const
from tlscore.crypto import signature
from tlscore.errors import UsageError
from tlscore.record import RECORD_OVERHEAD_BYTES

# RFC 8446 §5.2: header, 2^14 bytes of plaintext and up to 256 bytes around it.
RECORD_BUFFER_BYTES_MAX = 5 + 16384 + 256
# RFC 8449 §4: nobody may ask for records with less than 64 bytes of plaintext.
_RECORD_BUFFER_BYTES_MIN = const(64 + 22)
# What the send buffer holds besides a ClientHello: change_cipher_spec, record header, alert.
_SEND_BUFFER_BYTES_BESIDE = const(6 + 22 + 24)
# A ServerHello with a P-256 share takes 155 bytes, an ECDSA P-256 CertificateVerify 80.
_HANDSHAKE_BUFFER_BYTES_MIN = const(160)


def _require(condition, reason):
    if not condition:
        raise UsageError(reason)


class ClientConfig:
    """The configuration of TLS clients.

    Args:
        entropy: object with fill(buffer), see entropy.py.
        clock: object with utc_seconds(), see clock.py.
        trust: object with anchors(name_hash), see trust.py.
        server_name: str, the DNS name (A-labels) or IP address the certificate must be for.
        alpn: protocols to offer, bytes each, most wanted first; none: no ALPN.
        groups: named groups to offer, most wanted first.
        key_share_groups: those of them to send a share for at once; by default the first.
        suites: cipher suites to offer, most wanted first.
        signature_schemes: to accept, most wanted first; by default all that are implemented.
        record_buffer_bytes: the largest record that can be received, with 22 bytes around its
            plaintext; a server that sends a larger one gets record_overflow.
        send_buffer_bytes: everything unsent has to fit; it bounds the records we send.
        handshake_buffer_bytes: the largest message that may be split over several records
            (Certificate and NewSessionTicket excepted: they are never held).
        middlebox_compatibility: send a session id and a change_cipher_spec, RFC 8446 §D.4.
        keylog: None, or a function (label: str, client_random: bytes, secret: bytes) that gets
            every secret of the connection. Never set it outside a laboratory.
        checkpoint: None, or a function (name: str) called at the milestones of a handshake.

    Attributes:
        host_name: server_name as bytes for SNI, None if it is an address.
        cookie_bytes_max: the longest cookie that can be returned to a HelloRetryRequest.

    Raises:
        UsageError: "config.<what>", when a value cannot work.
    """

    def __init__(
        self,
        entropy,
        clock,
        trust,
        server_name,
        *,
        alpn=(),
        groups=(X25519, SECP256R1),
        key_share_groups=None,
        suites=(TLS_AES_128_GCM_SHA256, TLS_CHACHA20_POLY1305_SHA256),
        signature_schemes=None,
        record_buffer_bytes=4096 + RECORD_OVERHEAD_BYTES,
        send_buffer_bytes=1024,
        handshake_buffer_bytes=512,
        middlebox_compatibility=True,
        keylog=None,
        checkpoint=None,
    ):
        self.entropy = entropy
        self.clock = clock
        self.trust = trust
        self.server_name = server_name
        self.host_name = None
        self.alpn = alpn
        self.groups = groups
        self.key_share_groups = groups[:1] if key_share_groups is None else key_share_groups
        self.suites = suites
        self.signature_schemes = (
            signature.schemes() if signature_schemes is None else signature_schemes
        )
        self.record_buffer_bytes = record_buffer_bytes
        self.send_buffer_bytes = send_buffer_bytes
        self.handshake_buffer_bytes = handshake_buffer_bytes
        self.cookie_bytes_max = 0
        self.middlebox_compatibility = middlebox_compatibility
        self.keylog = keylog
        self.checkpoint = checkpoint
        self._check_services()
        self._check_name()
        self._check_offer()
        self._check_buffers()

    def _check_services(self):
        _require(self.entropy is not None, "config.no_entropy")
        _require(self.clock is not None, "config.no_clock")
        _require(self.trust is not None, "config.no_trust")

    def _check_name(self):
        name = self.server_name
        _require(isinstance(name, str) and name, "config.no_server_name")
        if _is_address(name):
            return  # RFC 6066 §3: literal addresses "are not permitted in "HostName""
        # RFC 6066 §3: "a byte string using ASCII encoding without a trailing dot"
        _require(len(name) <= 253 and not name.endswith("."), "config.server_name")
        for character in name:
            _require(0x20 < ord(character) < 0x7F, "config.server_name")
        self.host_name = name.encode()

    def _check_offer(self):
        for protocol in self.alpn:
            _require(isinstance(protocol, bytes) and 1 <= len(protocol) <= 255, "config.alpn")
        _require(len(self.suites) > 0, "config.no_suites")
        for code in self.suites:
            _require(suites.find(code) is not None, "config.unknown_suite")
        _require(len(self.groups) > 0, "config.no_groups")
        for code in self.groups:
            _require(key_exchange.find(code) is not None, "config.unknown_group")
        for code in self.key_share_groups:
            # RFC 8446 §4.2.8: shares are only for groups of supported_groups.
            _require(code in self.groups, "config.key_share_groups")
        _require(len(self.signature_schemes) > 0, "config.no_signature_schemes")
        for code in self.signature_schemes:
            _require(code in signature.schemes(), "config.unknown_signature_scheme")

    def _check_buffers(self):
        _require(
            _RECORD_BUFFER_BYTES_MIN <= self.record_buffer_bytes <= RECORD_BUFFER_BYTES_MAX,
            "config.record_buffer_bytes",
        )
        spare = self.send_buffer_bytes - _SEND_BUFFER_BYTES_BESIDE - client_hello.bytes_max(self)
        _require(spare >= 0, "config.send_buffer_bytes")
        self.cookie_bytes_max = spare
        _require(
            self.handshake_buffer_bytes >= _HANDSHAKE_BUFFER_BYTES_MIN,
            "config.handshake_buffer_bytes",
        )


def _is_address(name):
    """Tell whether a server name is an IP address: only those have colons or end in a digit part.

    RFC 3696 §2: a top-level domain is not all-numeric.
    """
    return ":" in name or name.split(".")[-1].isdigit()
