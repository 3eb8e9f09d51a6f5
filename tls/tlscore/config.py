"""What the caller decides about a connection, checked once and before anything is sent.

A configuration is read by any number of connections and changed by none. Entropy, clock and trust
have no default: leaving one out is refused, never replaced (see entropy.py, clock.py, trust.py for
what can be given). Only a client with a pre-shared key can do without trust, and without a clock if
it has no tickets. What concerns certificates or keys alone is loaded when there are any.
"""

from tlscore import client_hello, key_exchange
from tlscore import suites as cipher_suites
from tlscore.compat import const
from tlscore.config_checks import (
    check_certificate_types,
    check_identity,
    check_padding,
    check_protocols,
    check_record_buffer,
    record_size_limit,
    require,
)
from tlscore.record import RECORD_OVERHEAD_BYTES

# See codepoints.py: copies that cost nothing on a board.
_CERTIFICATE_X509 = const(0)
_PSK_KE = const(0)
_PSK_DHE_KE = const(1)

_RECORD_CONTENT_BYTES_MAX = const(16384)  # RFC 8446 §5.1
# What the send buffer holds besides a ClientHello: change_cipher_spec, record header, alert.
_SEND_BUFFER_BYTES_BESIDE = const(6 + 22 + 24)
# A ServerHello with a P-384 share takes 187 bytes, an ECDSA P-384 CertificateVerify 112.
_HANDSHAKE_BUFFER_BYTES_MIN = const(192)


class ClientConfig:
    """The configuration of TLS clients.

    Args:
        entropy: object with fill(buffer), see entropy.py.
        clock: object with utc_seconds(), see clock.py.
        trust: object with anchors(name_hash), see trust.py. None where only a pre-shared key will
            do: a server that takes none of ours is refused.
        server_name: str, the DNS name (A-labels) or IP address the certificate must be for; None
            is possible without trust.
        alpn: protocols to offer, bytes each, most wanted first; none: no ALPN.
        groups: named groups to offer, most wanted first; by default all the image has.
        key_share_groups: those of them to send a share for at once; by default the first.
        suites: cipher suites to offer, most wanted first; by default all the image has but CCM_8.
        signature_schemes: to accept, most wanted first; by default all the image has. Those of
            PKCS#1 v1.5 stand for certificates only.
        certificates: our own, for a server that asks: DER (bytes-like), the leaf first.
        private_key: the leaf's, a tuple (kind, bytes) as crypto/signature.py describes them.
        public_key_info: our raw public key (RFC 7250), a SubjectPublicKeyInfo in DER, for a server
            that asks and takes it; another gets `certificates`, if there are any.
        check_private_key: check that the private key belongs to the rest, see identity.py.
        certificate_types: what the server may prove itself with, CERTIFICATE_X509 or
            CERTIFICATE_RAW_PUBLIC_KEY (RFC 7250) or both; trust has to pin raw public keys.
        psks: external pre-shared keys to offer, most wanted first: tuples of identity (bytes), key
            (bytes, at least 16) and 32 or 48, the digest size of its hash; that is SHA-256's
            unless it was agreed otherwise (RFC 8446 §4.2.11).
        psk_modes: PSK_DHE_KE, PSK_KE or both. Without a key exchange there is no forward secrecy.
        session: session.Session of an earlier connection to offer before the others, or None. It
            should be used for one connection (RFC 8446 appendix C.4).
        ticket_bytes_max: the longest ticket that is kept for `take_session`; 0 keeps none.
        record_buffer_bytes: the largest record that can be received, with 22 bytes around its
            plaintext; a server that sends a larger one gets record_overflow. If it is less than
            TLS allows the server is told so by record_size_limit (RFC 8449).
        max_fragment_bytes: None, or 512, 1024, 2048 or 4096: ask servers that do not know
            record_size_limit to keep to it, and keep to it as well (RFC 6066 §4).
        send_buffer_bytes: everything unsent has to fit; it bounds the records we send.
        handshake_buffer_bytes: the largest message that may be split over several records
            (Certificate and NewSessionTicket excepted: they are never held).
        padding_bytes: records of application data are padded to a multiple of so many bytes; 0
            for none.
        staged_data: let data of a record that does not fit be read before they are verified, see
            LARGE_RECORDS.md; otherwise such a record gets record_overflow.
        middlebox_compatibility: send a session id and a change_cipher_spec, RFC 8446 §D.4.
        keylog: None, or a function (label: str, client_random: bytes, secret: bytes) that gets
            every secret of the connection. Never set it outside a laboratory.
        checkpoint: None, or a function (name: str) called at the milestones of a handshake.
        phase: None, or a function (name: str) -> str that is told what is worked at from here on
            and returns what it was told before: "record", "key_share", "key_schedule", a message
            ("client_hello") or the method that deals with it ("_on_finished", "_queue_finished").

    Attributes:
        host_name: server_name as bytes for SNI, None if it is an address.
        record_size_limit: what RFC 8449 has us announce, or None if every record has room.
        cookie_bytes_max: the longest cookie that can be returned to a HelloRetryRequest.

    Raises:
        UsageError: "config.<what>", when a value cannot work.
    """

    # What is not asked for takes no room in the object.
    alpn = ()
    psks = ()
    psk_modes = (_PSK_DHE_KE,)
    session = None
    ticket_bytes_max = 0
    certificates = ()
    private_key = None
    public_key_info = None
    certificate_types = (_CERTIFICATE_X509,)
    max_fragment_bytes = None
    handshake_buffer_bytes = 512
    padding_bytes = 0
    staged_data = False
    middlebox_compatibility = True
    keylog = None
    checkpoint = None
    phase = None
    host_name = None
    record_size_limit = None

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
        public_key_info=None,
        check_private_key=False,
        certificate_types=(_CERTIFICATE_X509,),
        psks=(),
        psk_modes=(_PSK_DHE_KE,),
        session=None,
        ticket_bytes_max=0,
        record_buffer_bytes=4096 + RECORD_OVERHEAD_BYTES,
        max_fragment_bytes=None,
        send_buffer_bytes=1024,
        handshake_buffer_bytes=512,
        padding_bytes=0,
        staged_data=False,
        middlebox_compatibility=True,
        keylog=None,
        checkpoint=None,
        phase=None,
    ):
        self.entropy = entropy
        self.clock = clock
        self.trust = trust
        self.server_name = server_name
        if alpn:
            self.alpn = alpn
        self._keep_keys(psks, psk_modes, session, ticket_bytes_max)
        self._keep_identity(certificates, private_key, public_key_info, certificate_types)
        self.groups = self._default_groups() if groups is None else groups
        self.key_share_groups = self.groups[:1] if key_share_groups is None else key_share_groups
        self.suites = self._default_suites() if suites is None else suites
        self.signature_schemes = (
            self._default_schemes() if signature_schemes is None else signature_schemes
        )
        self.record_buffer_bytes = record_buffer_bytes
        self.send_buffer_bytes = send_buffer_bytes
        if max_fragment_bytes is not None:
            self.max_fragment_bytes = max_fragment_bytes
        if handshake_buffer_bytes != self.handshake_buffer_bytes:
            self.handshake_buffer_bytes = handshake_buffer_bytes
        if padding_bytes:
            self.padding_bytes = padding_bytes
        if not middlebox_compatibility:
            self.middlebox_compatibility = False
        self._keep_watchers(keylog, checkpoint, phase)
        if staged_data:
            self.staged_data = staged_data
        self._check_services()
        host_name = self._host_name()
        if host_name is not None:
            self.host_name = host_name
        self._check_offer()
        self._check_certificates()
        self._check_keys()
        self._check_buffers()
        limit = record_size_limit(record_buffer_bytes)
        if limit is not None:
            self.record_size_limit = limit
        if check_private_key and self.has_identity:
            check_identity(self)

    def _keep_keys(self, psks, psk_modes, session, ticket_bytes_max):
        if psks:
            self.psks = psks
        if psk_modes != self.psk_modes:
            self.psk_modes = psk_modes
        if session is not None:
            self.session = session
        if ticket_bytes_max:
            self.ticket_bytes_max = ticket_bytes_max

    def _keep_identity(self, certificates, private_key, public_key_info, certificate_types):
        if certificates:
            self.certificates = certificates
        if private_key is not None:
            self.private_key = private_key
        if public_key_info is not None:
            self.public_key_info = public_key_info
        if certificate_types != self.certificate_types:
            self.certificate_types = certificate_types

    def _keep_watchers(self, keylog, checkpoint, phase):
        if keylog is not None:
            self.keylog = keylog
        if checkpoint is not None:
            self.checkpoint = checkpoint
        if phase is not None:
            self.phase = phase

    @property
    def has_identity(self) -> bool:
        """Whether we have something to show a server that asks for a certificate."""
        return len(self.certificates) > 0 or self.public_key_info is not None

    @property
    def has_keys(self) -> bool:
        """Whether there are pre-shared keys to offer, of a session or external ones."""
        return self.session is not None or len(self.psks) > 0

    @property
    def exchanges_keys(self) -> bool:
        """Whether a Diffie-Hellman key exchange is possible at all."""
        return self.trust is not None or _PSK_DHE_KE in self.psk_modes

    def handshake_schemes(self) -> tuple:
        """Return those of `signature_schemes` that may sign a CertificateVerify."""
        if not self.signature_schemes:
            return ()
        from tlscore.crypto import signature  # noqa: PLC0415

        return tuple([code for code in self.signature_schemes if signature.is_for_handshake(code)])

    def _default_groups(self):
        return key_exchange.codes() if self.exchanges_keys else ()

    def _default_suites(self):
        codes = cipher_suites.codes(by_default=True)
        if self.trust is None and self.has_keys:
            # With another hash than that of a key nothing could come of it.
            from tlscore.psk_offer import suites_for  # noqa: PLC0415

            codes = suites_for(self, codes)
        return codes

    def _default_schemes(self):
        if self.trust is None:
            return ()
        from tlscore.crypto import signature  # noqa: PLC0415

        return signature.schemes()

    def _check_services(self):
        require(self.entropy is not None, "config.no_entropy")
        require(self.trust is not None or self.has_keys, "config.no_trust")
        require(self.clock is not None or self.trust is None, "config.no_clock")

    def _host_name(self):
        name = self.server_name
        if name is None and self.trust is None:
            return None
        require(isinstance(name, str) and name, "config.no_server_name")
        if _is_address(name):
            return None  # RFC 6066 §3: literal addresses "are not permitted in "HostName""
        # RFC 6066 §3: "a byte string using ASCII encoding without a trailing dot"
        require(len(name) <= 253 and not name.endswith("."), "config.server_name")
        encoded = name.encode()
        for octet in encoded:  # each character of a str would stay in a board's memory for good
            require(0x20 < octet < 0x7F, "config.server_name")
        return encoded

    def _check_offer(self):
        check_protocols(self.alpn)
        require(len(self.suites) > 0, "config.no_suites")
        for code in self.suites:
            require(cipher_suites.digest_bytes(code) is not None, "config.unknown_suite")
        require(len(self.groups) > 0 or not self.exchanges_keys, "config.no_groups")
        for code in self.groups:
            require(key_exchange.find(code) is not None, "config.unknown_group")
        # RFC 8446 §4.2.8: shares are for groups of supported_groups "and MUST appear in the same
        # order", one for each at most.
        shared = [code for code in self.groups if code in self.key_share_groups]
        require(list(self.key_share_groups) == shared, "config.key_share_groups")
        require(len(self.psk_modes) > 0, "config.psk_modes")
        for mode in self.psk_modes:
            require(mode in (_PSK_KE, _PSK_DHE_KE), "config.psk_modes")

    def _check_keys(self):
        if self.has_keys:
            from tlscore import psk_offer  # noqa: PLC0415

            psk_offer.check(self)
        if self.session is not None or self.ticket_bytes_max:
            from tlscore import session  # noqa: PLC0415

            session.check(self)

    def _check_certificates(self):
        if self.trust is None:
            # RFC 8446 §4.3.2: a server that takes a pre-shared key asks for no certificate.
            require(not self.has_identity and not self.signature_schemes, "config.no_trust")
            return
        from tlscore.crypto import signature  # noqa: PLC0415

        known = signature.schemes()
        for code in self.signature_schemes:
            require(code in known, "config.unknown_signature_scheme")
        require(len(self.handshake_schemes()) > 0, "config.no_signature_schemes")
        check_certificate_types(self.certificate_types)
        if self.has_identity:
            self._check_identity()

    def _check_identity(self):
        from tlscore.certificate_verify import signature_bytes_max  # noqa: PLC0415
        from tlscore.crypto import signature  # noqa: PLC0415

        for certificate in self.certificates:
            require(len(certificate) > 0, "config.no_certificate")
        raw = self.public_key_info
        require(raw is None or len(raw) > 0, "config.no_public_key")
        require(self.private_key is not None, "config.private_key")
        schemes = signature.signing_schemes(self.private_key[0])
        require(len(schemes) > 0, "config.private_key")
        # Certificate, CertificateVerify and Finished wait together to be sent.
        size = (4 + 1 + 3) + (4 + 4 + signature_bytes_max(self.private_key)) + (4 + 48)
        chain_bytes = sum([3 + len(certificate) + 2 for certificate in self.certificates])
        size += max(chain_bytes, 0 if raw is None else 3 + len(raw) + 2)
        size += 2 * RECORD_OVERHEAD_BYTES + _SEND_BUFFER_BYTES_BESIDE
        require(size <= self.send_buffer_bytes, "config.send_buffer_bytes")

    def _check_buffers(self):
        check_record_buffer(self, self.trust is not None)
        # A ClientHello goes out in one record.
        room = min(self.send_buffer_bytes - _SEND_BUFFER_BYTES_BESIDE, _RECORD_CONTENT_BYTES_MAX)
        spare = room - client_hello.bytes_max(self)
        require(spare >= 0, "config.send_buffer_bytes")
        check_padding(self.padding_bytes, self.send_buffer_bytes)
        self.cookie_bytes_max = spare
        fragment = self.max_fragment_bytes
        if fragment is not None:
            require(fragment in client_hello.MAX_FRAGMENT_BYTES, "config.max_fragment_bytes")
            room = self.record_buffer_bytes - RECORD_OVERHEAD_BYTES
            require(fragment <= room, "config.max_fragment_bytes")
        require(
            self.handshake_buffer_bytes >= _HANDSHAKE_BUFFER_BYTES_MIN,
            "config.handshake_buffer_bytes",
        )


def _is_address(name):
    """Tell whether a server name is an IP address: only those have colons or end in a digit part.

    RFC 3696 §2: a top-level domain is not all-numeric.
    """
    return ":" in name or name.split(".")[-1].isdigit()
