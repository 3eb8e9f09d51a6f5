"""What the caller decides about the connections of a server, checked once.

A configuration is read by any number of connections and changed by none. Entropy has no default;
clock and trust are needed as soon as clients are to show certificates. Certificate and private key
can be left out where clients have pre-shared keys; a client that offers none we know is refused
then. The counterpart of config.py.
"""

from tlscore import key_exchange, server_hello
from tlscore import suites as cipher_suites
from tlscore.compat import const
from tlscore.config_checks import (
    check_certificate_types,
    check_identity,
    check_padding,
    check_protocols,
    check_public_key_info,
    check_record_buffer,
    record_size_limit,
    require,
)
from tlscore.record import RECORD_OVERHEAD_BYTES

# See codepoints.py: copies that cost nothing on a board.
_CERTIFICATE_X509 = const(0)
_PSK_KE = const(0)
_PSK_DHE_KE = const(1)

# What the send buffer must hold besides the largest message that is not cut into pieces: record
# overhead, change_cipher_spec, alert.
_SEND_BUFFER_BYTES_BESIDE = const(22 + 6 + 24)
# A ServerHello with a P-384 share and a session id takes 187 bytes, and a pre-shared key's index 6.
_SERVER_HELLO_BYTES = const(187 + 6)
# A small ClientHello (ESP8266's of TLS 1.1 has 56 bytes, OpenSSL's of TLS 1.3 about 250).
_HANDSHAKE_BUFFER_BYTES_MIN = const(256)
# EncryptedExtensions with all it can answer, but for the groups and the name of a protocol.
_ENCRYPTED_EXTENSIONS_BYTES = const(6 + 6 + 4 + 6 + 5 + 5 + 6)
# RFC 2104 §3: keys of HMAC that are shorter than a digest are "strongly discouraged".
_COOKIE_KEY_BYTES_MIN = const(32)


class ServerConfig:
    """The configuration of TLS servers.

    Args:
        entropy: object with fill(buffer), see entropy.py.
        certificates: our chain, a sequence of DER certificates, the leaf first. It is sent from
            where it lies and must stay there.
        private_key: the leaf's, a tuple (kind, bytes) as crypto/signature.py describes them.
        public_key_info: our raw public key (RFC 7250), a SubjectPublicKeyInfo in DER.
        certificate_types: what to prove ourselves with, CERTIFICATE_X509 or
            CERTIFICATE_RAW_PUBLIC_KEY or both, most wanted first; clients that do not speak of it
            get X.509 or are refused. Only that type's part of our identity is needed.
        check_private_key: check that the private key belongs to the rest, see identity.py.
        clock, trust: as for a client, see config.py. With them clients are asked for a
            certificate, without them they are not. The trust's `authorities` are told to clients.
        certificate_required: refuse clients that have no certificate when asked for one.
        client_certificate_types: what to ask clients for, most wanted first; trust has to pin raw
            public keys.
        server_names: names (bytes) that clients may ask for by SNI; any if there are none.
        alpn: protocols to accept, bytes each, most wanted first; none: ALPN is ignored.
        groups, suites: to accept, most wanted first; by default all the image has (suites: but
            CCM_8).
        psk: function from an identity (bytes) to (key, digest size of its hash) or None, for
            external pre-shared keys: at least 16 bytes; 32 for SHA-256 unless it was agreed
            otherwise.
        psk_modes: PSK_DHE_KE, PSK_KE or both, most wanted first. Without a key exchange there is
            no forward secrecy.
        tickets: tickets.TicketKeys, to give clients tickets and to resume their sessions; or None.
        signature_schemes: of a client's CertificateVerify and certificates; by default all.
            Those of PKCS#1 v1.5 stand for certificates only.
        cookie_key: None, or 32 random bytes: with it a HelloRetryRequest has a cookie that the
            client must return, see retry_cookie.py.
        record_buffer_bytes: the largest record that can be received, with 22 bytes around its
            plaintext; a client that sends a larger one gets record_overflow. One that knows
            record_size_limit (RFC 8449) is told.
        send_buffer_bytes: everything unsent has to fit; the chain goes through it in pieces.
        handshake_buffer_bytes: the largest ClientHello that may be split over several records.
        padding_bytes: records of application data are padded to a multiple of so many bytes; 0
            for none.
        staged_data: as for a client, see config.py.
        keylog, checkpoint, phase: as for a client, see config.py.

    Attributes:
        record_size_limit: what RFC 8449 has us announce, or None if every record has room.

    Raises:
        UsageError: "config.<what>", when a value cannot work; "identity.<what>".
    """

    _wants_groups = True  # of TLS 1.3

    def __init__(
        self,
        entropy,
        certificates=(),
        private_key=None,
        *,
        public_key_info=None,
        certificate_types=(_CERTIFICATE_X509,),
        check_private_key=False,
        clock=None,
        trust=None,
        certificate_required=True,
        client_certificate_types=(_CERTIFICATE_X509,),
        server_names=(),
        alpn=(),
        groups=None,
        suites=None,
        psk=None,
        psk_modes=(_PSK_DHE_KE,),
        tickets=None,
        signature_schemes=None,
        cookie_key=None,
        record_buffer_bytes=4096 + RECORD_OVERHEAD_BYTES,
        send_buffer_bytes=1024,
        handshake_buffer_bytes=1024,
        padding_bytes=0,
        staged_data=False,
        keylog=None,
        checkpoint=None,
        phase=None,
    ):
        self.entropy = entropy
        self.certificates = certificates
        self.private_key = private_key
        self.public_key_info = public_key_info
        self.certificate_types = certificate_types
        self.clock = clock
        self.trust = trust
        self.certificate_required = certificate_required
        self.client_certificate_types = client_certificate_types
        self.server_names = server_names
        self.alpn = alpn
        self.groups = key_exchange.codes() if groups is None else groups
        self.suites = cipher_suites.codes(by_default=True) if suites is None else suites
        self.psk = psk
        self.psk_modes = psk_modes
        self.tickets = tickets
        self.signature_schemes = (
            self._default_schemes() if signature_schemes is None else signature_schemes
        )
        self.cookie_key = cookie_key
        self.record_buffer_bytes = record_buffer_bytes
        self.send_buffer_bytes = send_buffer_bytes
        self.handshake_buffer_bytes = handshake_buffer_bytes
        self.padding_bytes = padding_bytes
        self.staged_data = staged_data
        self.keylog = keylog
        self.checkpoint = checkpoint
        self.phase = phase
        require(entropy is not None, "config.no_entropy")
        require((clock is None) == (trust is None), "config.clock_and_trust")
        if self.has_certificate or not self.takes_keys:
            self._check_identity()
            self._check_schemes()
        else:
            # RFC 8446 §4.3.2: who takes a pre-shared key asks for no certificate.
            require(trust is None, "config.no_certificate")
        self._check_choices()
        self._check_buffers()
        self.record_size_limit = record_size_limit(record_buffer_bytes)
        if check_private_key and self.has_certificate:
            check_identity(self)

    @property
    def has_certificate(self) -> bool:
        """Whether there is anything but pre-shared keys to prove ourselves with."""
        return len(self.certificates) > 0 or self.public_key_info is not None

    @property
    def takes_keys(self) -> bool:
        """Whether clients can have pre-shared keys, external or of a ticket."""
        return self.psk is not None or self.tickets is not None

    def _default_schemes(self):
        if not self.has_certificate:
            return ()
        from tlscore.crypto import signature  # noqa: PLC0415 -- for certificates only

        return signature.schemes()

    def certificate_request(self) -> tuple:
        """Return what server_hello.write_certificate_request is to write."""
        from tlscore.crypto import signature  # noqa: PLC0415

        schemes = self.signature_schemes
        for_handshake = [code for code in schemes if signature.is_for_handshake(code)]
        return for_handshake, schemes, getattr(self.trust, "authorities", ())

    def _check_identity(self):
        check_certificate_types(self.certificate_types)
        check_certificate_types(self.client_certificate_types)
        if _CERTIFICATE_X509 in self.certificate_types:
            require(len(self.certificates) > 0, "config.no_certificate")
        if tuple(self.certificate_types) != (_CERTIFICATE_X509,):
            check_public_key_info(self.public_key_info)
        for certificate in self.certificates:
            require(len(certificate) > 0, "config.no_certificate")
        from tlscore.crypto import signature  # noqa: PLC0415

        require(self.private_key is not None, "config.private_key")
        schemes = signature.signing_schemes(self.private_key[0])
        require(len(schemes) > 0, "config.private_key")

    def _check_schemes(self):
        from tlscore.crypto import signature  # noqa: PLC0415

        known = signature.schemes()
        for code in self.signature_schemes:
            require(code in known, "config.unknown_signature_scheme")
        require(len(self.certificate_request()[0]) > 0, "config.no_signature_schemes")

    def _check_choices(self):
        check_protocols(self.alpn)
        for name in self.server_names:
            require(isinstance(name, bytes) and len(name) > 0, "config.server_name")
        require(len(self.suites) > 0, "config.no_suites")
        for code in self.suites:
            require(cipher_suites.digest_bytes(code) is not None, "config.unknown_suite")
        require(len(self.groups) > 0 or not self._wants_groups, "config.no_groups")
        for code in self.groups:
            require(key_exchange.find(code) is not None, "config.unknown_group")
        require(len(self.psk_modes) > 0, "config.psk_modes")
        for mode in self.psk_modes:
            require(mode in (_PSK_KE, _PSK_DHE_KE), "config.psk_modes")
        key = self.cookie_key
        require(key is None or len(key) >= _COOKIE_KEY_BYTES_MIN, "config.cookie_key")

    def _check_buffers(self):
        check_record_buffer(self, self.has_certificate)
        require(
            self.handshake_buffer_bytes >= _HANDSHAKE_BUFFER_BYTES_MIN,
            "config.handshake_buffer_bytes",
        )
        largest = max(
            _SERVER_HELLO_BYTES,
            _ENCRYPTED_EXTENSIONS_BYTES
            + 2 * len(self.groups)
            + max([0] + [1 + len(name) for name in self.alpn]),
        )
        if self.has_certificate:
            from tlscore.certificate_verify import signature_bytes_max  # noqa: PLC0415

            request = server_hello.certificate_request_bytes(*self.certificate_request())
            largest = max(largest, 8 + signature_bytes_max(self.private_key), request)
        require(
            self.send_buffer_bytes >= largest + _SEND_BUFFER_BYTES_BESIDE,
            "config.send_buffer_bytes",
        )
        check_padding(self.padding_bytes, self.send_buffer_bytes)
