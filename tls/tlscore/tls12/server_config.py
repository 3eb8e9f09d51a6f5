"""The configuration of servers that take TLS 1.2, with TLS 1.3 or without.

That of ../server_config.py, and what TLS 1.2 has beside it. Of TLS 1.2 there are X.509 certificates
and pre-shared keys, no raw public keys.
"""

from tlscore import server_config
from tlscore import suites as suites13
from tlscore.codepoints import TLS_1_3
from tlscore.compat import const
from tlscore.config_checks import require
from tlscore.tls12 import messages, suites
from tlscore.tls12.config import VERSIONS, check_versions, record_size_limit, suites_of

_CERTIFICATE_X509 = const(0)
_PSK_KE = const(0)
_PSK_DHE_KE = const(1)
_KEY_RSA = const(2)
# As in ../server_config.py, with the longer records of TLS 1.2.
_SEND_BUFFER_BYTES_BESIDE = const(36 + 6 + 31)
# ServerHello with all extensions but the name of a protocol; ServerKeyExchange beside a signature,
# with a P-384 share.
_SERVER_HELLO_BYTES = const(4 + 38 + 32 + 2 + 5 + 4 + 4 + 6 + 6 + 7 + 4)
_KEY_EXCHANGE_BYTES = const(4 + 2 + 4 + 97 + 4)
# The least there may be announced (RFC 8449 §4), and what is around it.
_RECORD_BUFFER_BYTES_MIN = const(64 + 29)


class ServerConfig(server_config.ServerConfig):
    """The configuration of TLS servers of either version.

    Args: as in ../server_config.py, and
        versions: TLS_1_3, TLS_1_2 or both. Of what a client offers the newest is taken.
        suites: cipher suites of all versions to accept, most wanted first; by default all the
            image has but those of CCM_8, for the ways of proof there are.
        psk: in TLS 1.2 an identity it knows nothing of is not told apart from a wrong key.
        tickets: clients of TLS 1.2 get tickets of RFC 5077.
        sessions: session_cache.SessionCache, to resume sessions by their id, or None.
        extended_master_secret_required: refuse clients that do not know RFC 7627. Without it
            there are no exporters, tickets or sessions.

    Attributes:
        suites, suites12: those of either version.
        has_rsa_key: the kind of our private key.
    """

    def __init__(
        self,
        entropy,
        certificates=(),
        private_key=None,
        *,
        versions=VERSIONS,
        suites=None,
        sessions=None,
        extended_master_secret_required=True,
        **options,
    ):
        check_versions(versions)
        self.versions = versions
        self.sessions = sessions
        self.extended_master_secret_required = extended_master_secret_required
        self.has_rsa_key = private_key is not None and private_key[0] == _KEY_RSA
        of_tls13 = None if suites is None else suites_of(suites, True)
        if TLS_1_3 not in versions:
            # What the checks of ../server_config.py are content with; it is not used.
            of_tls13 = suites13.codes(by_default=True)
            self._wants_groups = False
        server_config.ServerConfig.__init__(
            self, entropy, certificates, private_key, suites=of_tls13, **options
        )
        self._choose_suites(suites)
        self.record_size_limit = record_size_limit(self.record_buffer_bytes)
        self._check_buffers12()

    def _choose_suites(self, asked):
        if TLS_1_3 not in self.versions:
            self.suites = ()
        self.suites12 = self._default_suites12() if asked is None else suites_of(asked, False)
        require(len(self.suites12) > 0, "config.no_suites")
        for code in asked or ():
            require(code in self.suites or code in self.suites12, "config.unknown_suite")
        for code in self.suites12:
            if suites.find(code).bits & suites.KEY:
                require(self.psk is not None, "config.psk_suite")
            else:
                require(len(self.certificates) > 0, "config.no_certificate")
            if suites.find(code).bits & suites.EXCHANGE:
                require(len(self.groups) > 0, "config.no_groups")

    def _default_suites12(self):
        kinds = []
        if len(self.certificates):
            kinds.append(suites.EXCHANGE)
        if self.psk is not None:
            if _PSK_DHE_KE in self.psk_modes:
                kinds.append(suites.EXCHANGE | suites.KEY)
            if _PSK_KE in self.psk_modes:
                kinds.append(suites.KEY)
        return suites.codes(kinds)

    @property
    def asks_in_tls12(self) -> bool:
        """Whether clients of TLS 1.2 are asked for a certificate."""
        return self.trust is not None and _CERTIFICATE_X509 in self.client_certificate_types

    @property
    def takes_sha384(self) -> bool:
        """Whether clients may sign by SHA-384."""
        from tlscore.crypto.hashes import SHA384  # noqa: PLC0415
        from tlscore.tls12.signature import schemes_with  # noqa: PLC0415

        return len(schemes_with((SHA384,), self.signature_schemes)) > 0

    def certificate_request12(self, kept) -> tuple:
        """Return what messages.write_certificate_request is to write.

        Args:
            kept: the hashes of the transcript, which a client's CertificateVerify is to sign by.
        """
        from tlscore.tls12.signature import schemes_with  # noqa: PLC0415

        schemes = schemes_with(kept, self.signature_schemes)
        return schemes, getattr(self.trust, "authorities", ())

    def _check_buffers12(self):
        require(self.record_buffer_bytes >= _RECORD_BUFFER_BYTES_MIN, "config.record_buffer_bytes")
        largest = _SERVER_HELLO_BYTES + max([0] + [7 + len(name) for name in self.alpn])
        if self.has_certificate:
            from tlscore.certificate_verify import signature_bytes_max  # noqa: PLC0415

            signed = _KEY_EXCHANGE_BYTES + signature_bytes_max(self.private_key)
            said = (self.signature_schemes, getattr(self.trust, "authorities", ()))
            largest = max(largest, signed, messages.certificate_request_bytes(*said))
        size = largest + _SEND_BUFFER_BYTES_BESIDE
        require(size <= self.send_buffer_bytes, "config.send_buffer_bytes")
