"""What the caller decides about a connection, checked once and before anything is sent.

A configuration is read by any number of connections and changed by none. Entropy, clock and trust
have no default: leaving one out is refused, never replaced (see entropy.py, clock.py, trust.py for
what can be given).
"""

from tlscore import client_hello, key_exchange
from tlscore import suites as cipher_suites
from tlscore.certificate_verify import signature_bytes_max
from tlscore.compat import const
from tlscore.config_checks import (
    check_protocols,
    check_record_buffer,
    record_size_limit,
    require,
)
from tlscore.crypto import signature
from tlscore.record import RECORD_OVERHEAD_BYTES

# See codepoints.py: copies that cost nothing on a board.
_CERTIFICATE_X509 = const(0)
_CERTIFICATE_RAW_PUBLIC_KEY = const(2)

# What the send buffer holds besides a ClientHello: change_cipher_spec, record header, alert.
_SEND_BUFFER_BYTES_BESIDE = const(6 + 22 + 24)
# A ServerHello with a P-384 share takes 187 bytes, an ECDSA P-384 CertificateVerify 112.
_HANDSHAKE_BUFFER_BYTES_MIN = const(192)


class ClientConfig:
    """The configuration of TLS clients.

    Args:
        entropy: object with fill(buffer), see entropy.py.
        clock: object with utc_seconds(), see clock.py.
        trust: object with anchors(name_hash), see trust.py.
        server_name: str, the DNS name (A-labels) or IP address the certificate must be for.
        alpn: protocols to offer, bytes each, most wanted first; none: no ALPN.
        groups: named groups to offer, most wanted first; by default all the image has.
        key_share_groups: those of them to send a share for at once; by default the first.
        suites: cipher suites to offer, most wanted first; by default all the image has but CCM_8.
        signature_schemes: to accept, most wanted first; by default all the image has. Those of
            PKCS#1 v1.5 stand for certificates only.
        certificates: our own, for a server that asks: DER (bytes-like), the leaf first.
        private_key: the leaf's, a tuple (kind, bytes) as crypto/signature.py describes them.
        certificate_types: what the server may prove itself with, CERTIFICATE_X509 or
            CERTIFICATE_RAW_PUBLIC_KEY (RFC 7250) or both; trust has to pin raw public keys.
        record_buffer_bytes: the largest record that can be received, with 22 bytes around its
            plaintext; a server that sends a larger one gets record_overflow. If it is less than
            TLS allows the server is told so by record_size_limit (RFC 8449).
        send_buffer_bytes: everything unsent has to fit; it bounds the records we send.
        handshake_buffer_bytes: the largest message that may be split over several records
            (Certificate and NewSessionTicket excepted: they are never held).
        middlebox_compatibility: send a session id and a change_cipher_spec, RFC 8446 §D.4.
        keylog: None, or a function (label: str, client_random: bytes, secret: bytes) that gets
            every secret of the connection. Never set it outside a laboratory.
        checkpoint: None, or a function (name: str) called at the milestones of a handshake.

    Attributes:
        host_name: server_name as bytes for SNI, None if it is an address.
        record_size_limit: what RFC 8449 has us announce, or None if every record has room.
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
        groups=None,
        key_share_groups=None,
        suites=None,
        signature_schemes=None,
        certificates=(),
        private_key=None,
        certificate_types=(_CERTIFICATE_X509,),
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
        self.alpn = alpn
        self.groups = key_exchange.codes() if groups is None else groups
        self.key_share_groups = self.groups[:1] if key_share_groups is None else key_share_groups
        self.suites = cipher_suites.codes(by_default=True) if suites is None else suites
        self.signature_schemes = (
            signature.schemes() if signature_schemes is None else signature_schemes
        )
        self.certificates = certificates
        self.private_key = private_key
        self.certificate_types = certificate_types
        self.record_buffer_bytes = record_buffer_bytes
        self.send_buffer_bytes = send_buffer_bytes
        self.handshake_buffer_bytes = handshake_buffer_bytes
        self.middlebox_compatibility = middlebox_compatibility
        self.keylog = keylog
        self.checkpoint = checkpoint
        self._check_services()
        self.host_name = self._host_name()
        self._check_offer()
        self._check_buffers()
        self.record_size_limit = record_size_limit(record_buffer_bytes)
        if certificates:
            self._check_identity()

    def handshake_schemes(self) -> tuple:
        """Return those of `signature_schemes` that may sign a CertificateVerify."""
        return tuple([code for code in self.signature_schemes if signature.is_for_handshake(code)])

    def _check_services(self):
        require(self.entropy is not None, "config.no_entropy")
        require(self.clock is not None, "config.no_clock")
        require(self.trust is not None, "config.no_trust")

    def _host_name(self):
        name = self.server_name
        require(isinstance(name, str) and name, "config.no_server_name")
        if _is_address(name):
            return None  # RFC 6066 §3: literal addresses "are not permitted in "HostName""
        # RFC 6066 §3: "a byte string using ASCII encoding without a trailing dot"
        require(len(name) <= 253 and not name.endswith("."), "config.server_name")
        for character in name:
            require(0x20 < ord(character) < 0x7F, "config.server_name")
        return name.encode()

    def _check_offer(self):
        check_protocols(self.alpn)
        require(len(self.suites) > 0, "config.no_suites")
        for code in self.suites:
            require(cipher_suites.find(code) is not None, "config.unknown_suite")
        require(len(self.groups) > 0, "config.no_groups")
        for code in self.groups:
            require(key_exchange.find(code) is not None, "config.unknown_group")
        for code in self.key_share_groups:
            # RFC 8446 §4.2.8: shares are only for groups of supported_groups.
            require(code in self.groups, "config.key_share_groups")
        known = signature.schemes()
        for code in self.signature_schemes:
            require(code in known, "config.unknown_signature_scheme")
        require(len(self.handshake_schemes()) > 0, "config.no_signature_schemes")
        require(len(self.certificate_types) > 0, "config.certificate_types")
        for kind in self.certificate_types:
            known = (_CERTIFICATE_X509, _CERTIFICATE_RAW_PUBLIC_KEY)
            require(kind in known, "config.certificate_types")

    def _check_identity(self):
        for certificate in self.certificates:
            require(len(certificate) > 0, "config.no_certificate")
        require(self.private_key is not None, "config.private_key")
        schemes = signature.signing_schemes(self.private_key[0])
        require(len(schemes) > 0, "config.private_key")
        # Certificate, CertificateVerify and Finished wait together to be sent.
        size = (4 + 1 + 3) + (4 + 4 + signature_bytes_max(self.private_key)) + (4 + 48)
        for certificate in self.certificates:
            size += 3 + len(certificate) + 2
        size += 2 * RECORD_OVERHEAD_BYTES + _SEND_BUFFER_BYTES_BESIDE
        require(size <= self.send_buffer_bytes, "config.send_buffer_bytes")

    def _check_buffers(self):
        check_record_buffer(self.record_buffer_bytes)
        spare = self.send_buffer_bytes - _SEND_BUFFER_BYTES_BESIDE - client_hello.bytes_max(self)
        require(spare >= 0, "config.send_buffer_bytes")
        self.cookie_bytes_max = spare
        require(
            self.handshake_buffer_bytes >= _HANDSHAKE_BUFFER_BYTES_MIN,
            "config.handshake_buffer_bytes",
        )


def _is_address(name):
    """Tell whether a server name is an IP address: only those have colons or end in a digit part.

    RFC 3696 §2: a top-level domain is not all-numeric.
    """
    return ":" in name or name.split(".")[-1].isdigit()
