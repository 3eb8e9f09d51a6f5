"""What the caller decides about the connections of a server, checked once.

A configuration is read by any number of connections and changed by none. Entropy has no default;
clock and trust are needed as soon as clients are to show certificates. The counterpart of
config.py.
"""

from tlscore import key_exchange
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

# What the send buffer must hold besides the largest message that is not cut into pieces: record
# overhead, change_cipher_spec, alert.
_SEND_BUFFER_BYTES_BESIDE = const(22 + 6 + 24)
# A ServerHello with a P-384 share and a session id takes 187 bytes.
_SERVER_HELLO_BYTES = const(187)
# A small ClientHello (ESP8266's of TLS 1.1 has 56 bytes, OpenSSL's of TLS 1.3 about 250).
_HANDSHAKE_BUFFER_BYTES_MIN = const(256)


class ServerConfig:
    """The configuration of TLS servers.

    Args:
        entropy: object with fill(buffer), see entropy.py.
        certificates: our chain, a sequence of DER certificates, the leaf first. It is sent from
            where it lies and must stay there.
        private_key: the leaf's, a tuple (kind, bytes) as crypto/signature.py describes them.
        clock, trust: as for a client, see config.py. With them clients are asked for a
            certificate, without them they are not.
        certificate_required: refuse clients that have no certificate when asked for one.
        server_names: names (bytes) that clients may ask for by SNI; any if there are none.
        alpn: protocols to accept, bytes each, most wanted first; none: ALPN is ignored.
        groups, suites: to accept, most wanted first; by default all the image has (suites: but
            CCM_8).
        signature_schemes: of a client's CertificateVerify and certificates; by default all.
        record_buffer_bytes: the largest record that can be received, with 22 bytes around its
            plaintext; a client that sends a larger one gets record_overflow. One that knows
            record_size_limit (RFC 8449) is told.
        send_buffer_bytes: everything unsent has to fit; the chain goes through it in pieces.
        handshake_buffer_bytes: the largest ClientHello that may be split over several records.
        keylog, checkpoint: as for a client, see config.py.

    Attributes:
        record_size_limit: what RFC 8449 has us announce, or None if every record has room.

    Raises:
        UsageError: "config.<what>", when a value cannot work.
    """

    def __init__(
        self,
        entropy,
        certificates,
        private_key,
        *,
        clock=None,
        trust=None,
        certificate_required=True,
        server_names=(),
        alpn=(),
        groups=None,
        suites=None,
        signature_schemes=None,
        record_buffer_bytes=4096 + RECORD_OVERHEAD_BYTES,
        send_buffer_bytes=1024,
        handshake_buffer_bytes=1024,
        keylog=None,
        checkpoint=None,
    ):
        self.entropy = entropy
        self.certificates = certificates
        self.private_key = private_key
        self.clock = clock
        self.trust = trust
        self.certificate_required = certificate_required
        self.server_names = server_names
        self.alpn = alpn
        self.groups = key_exchange.codes() if groups is None else groups
        self.suites = cipher_suites.codes(by_default=True) if suites is None else suites
        self.signature_schemes = (
            signature.schemes() if signature_schemes is None else signature_schemes
        )
        self.record_buffer_bytes = record_buffer_bytes
        self.send_buffer_bytes = send_buffer_bytes
        self.handshake_buffer_bytes = handshake_buffer_bytes
        self.keylog = keylog
        self.checkpoint = checkpoint
        require(entropy is not None, "config.no_entropy")
        require((clock is None) == (trust is None), "config.clock_and_trust")
        self._check_identity()
        self._check_choices()
        self._check_buffers()
        self.record_size_limit = record_size_limit(record_buffer_bytes)

    def _check_identity(self):
        require(len(self.certificates) > 0, "config.no_certificate")
        for certificate in self.certificates:
            require(len(certificate) > 0, "config.no_certificate")
        schemes = signature.signing_schemes(self.private_key[0])
        require(len(schemes) > 0, "config.private_key")

    def _check_choices(self):
        check_protocols(self.alpn)
        for name in self.server_names:
            require(isinstance(name, bytes) and len(name) > 0, "config.server_name")
        require(len(self.suites) > 0, "config.no_suites")
        for code in self.suites:
            require(cipher_suites.find(code) is not None, "config.unknown_suite")
        require(len(self.groups) > 0, "config.no_groups")
        for code in self.groups:
            require(key_exchange.find(code) is not None, "config.unknown_group")
        known = signature.schemes()
        for code in self.signature_schemes:
            require(code in known, "config.unknown_signature_scheme")

    def _check_buffers(self):
        check_record_buffer(self.record_buffer_bytes)
        require(
            self.handshake_buffer_bytes >= _HANDSHAKE_BUFFER_BYTES_MIN,
            "config.handshake_buffer_bytes",
        )
        largest = max(
            _SERVER_HELLO_BYTES,
            8 + signature_bytes_max(self.private_key),
            12 + max([0] + [1 + len(protocol) for protocol in self.alpn]) + 4,
            13 + 2 * len(self.signature_schemes),
        )
        require(
            self.send_buffer_bytes >= largest + _SEND_BUFFER_BYTES_BESIDE,
            "config.send_buffer_bytes",
        )
