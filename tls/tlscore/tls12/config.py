"""The configuration of clients that speak TLS 1.2, with TLS 1.3 or without.

That of ../config.py, and what TLS 1.2 has beside it. A pre-shared key is for both versions then,
for want of a way to tell: RFC 8446 appendix E.7 knows of no attack, but recommends a key for each.
"""

from tlscore import config
from tlscore import suites as suites13
from tlscore.codepoints import TLS_1_2, TLS_1_3
from tlscore.compat import const
from tlscore.config_checks import require
from tlscore.tls12 import client_hello, suites
from tlscore.tls12.record import RECORD_OVERHEAD_BYTES
from tlscore.tls12.session import Session

_CERTIFICATE_X509 = const(0)
_PSK_KE = const(0)
_PSK_DHE_KE = const(1)
_RECORD_CONTENT_BYTES_MAX = const(16384)  # RFC 5246 §6.2.1
# As in ../config.py, with the longer records of TLS 1.2.
_SEND_BUFFER_BYTES_BESIDE = const(6 + 36 + 31)
# ClientKeyExchange with a P-384 share, change_cipher_spec, what more there is around Finished.
_SECOND_FLIGHT_BYTES = const(5 + 4 + 98 + 6 + 36 + 31)
# The least there may be announced (RFC 8449 §4), and what is around it.
_RECORD_BUFFER_BYTES_MIN = const(64 + 29)

VERSIONS = (TLS_1_3, TLS_1_2)


class ClientConfig(config.ClientConfig):
    """The configuration of TLS clients of either version.

    Args: as in ../config.py, and
        versions: TLS_1_3, TLS_1_2 or both. Which one a server takes is its choice.
        suites: cipher suites of all versions to offer, most wanted first; by default all the image
            has but those of CCM_8, for the ways of proof there are: trust, and pre-shared keys in
            the modes of psk_modes.
        session: of either version.
        ticket_bytes_max: as in ../config.py; 0 asks servers of TLS 1.2 for no session either.
        extended_master_secret_required: refuse servers that do not know RFC 7627. Without it
            there are no exporters and no sessions.
        secure_renegotiation_required: refuse servers that do not know RFC 5746. There is no
            renegotiation on our side, but such a server may have had one with somebody else.
        fallback: say that an offer of TLS 1.3 has failed before (RFC 7507); for TLS 1.2 alone.

    Attributes:
        offered_suites: all of them; `suites` and `suites12` are those of either version.
        session12: the session, if it is one of TLS 1.2; `session` otherwise.
    """

    def __init__(
        self,
        entropy,
        clock,
        trust,
        server_name,
        *,
        versions=VERSIONS,
        suites=None,
        session=None,
        extended_master_secret_required=True,
        secure_renegotiation_required=True,
        fallback=False,
        **options,
    ):
        check_versions(versions)
        self.versions = versions
        self.extended_master_secret_required = extended_master_secret_required
        self.secure_renegotiation_required = secure_renegotiation_required
        self.fallback = fallback
        require(not fallback or TLS_1_3 not in versions, "config.fallback")
        self.session12 = session if isinstance(session, Session) else None
        if TLS_1_3 not in versions:
            require(session is None or self.session12 is not None, "config.session_version")
            options["key_share_groups"] = ()
        self._asked_suites = suites
        types = options.get("certificate_types", (_CERTIFICATE_X509,))
        self._takes_x509 = _CERTIFICATE_X509 in types
        config.ClientConfig.__init__(
            self,
            entropy,
            clock,
            trust,
            server_name,
            session=None if self.session12 is not None else session,
            **options,
        )
        if TLS_1_3 not in versions:
            self.suites = ()
        self.record_size_limit = record_size_limit(self.record_buffer_bytes)

    def handshake_schemes(self) -> tuple:
        """Return the schemes that may sign: in TLS 1.2 all those for certificates may."""
        return self.signature_schemes

    def _default_suites(self):
        # Called when all that decides them is there: of the suites asked for those of TLS 1.3.
        asked = self._asked_suites
        self.suites12 = self._default_suites12() if asked is None else suites_of(asked, False)
        if TLS_1_3 not in self.versions:
            self.offered_suites = self.suites12
            # What the checks of ../config.py are content with; nobody is told.
            return suites13.codes(by_default=True)
        if asked is None:
            found = config.ClientConfig._default_suites(self)
            self.offered_suites = found + self.suites12
            return found
        found = suites_of(asked, True)
        self.offered_suites = tuple([code for code in asked if code in found + self.suites12])
        return found

    def _default_suites12(self):
        kinds = []
        if self.trust is not None and self._takes_x509:
            kinds.append(suites.EXCHANGE)
        if self.psks:
            if _PSK_DHE_KE in self.psk_modes:
                kinds.append(suites.EXCHANGE | suites.KEY)
            if _PSK_KE in self.psk_modes:
                kinds.append(suites.KEY)
        return suites.codes(kinds)

    def _check_services(self):
        # A session of TLS 1.2 is resumed with what it was begun with at hand: it may be over.
        config.ClientConfig._check_services(self)
        require(len(self.suites12) > 0, "config.no_suites")
        for code in self._asked_suites or ():
            known = suites.find(code) is not None or suites13.find(code) is not None
            require(known, "config.unknown_suite")
        for code in self.suites12:
            bits = suites.find(code).bits
            if bits & suites.KEY:
                require(len(self.psks) > 0, "config.psk_suite")
            else:
                require(self.trust is not None, "config.no_trust")
                require(self._takes_x509, "config.certificate_types")
            require(not bits & suites.EXCHANGE or len(self.groups) > 0, "config.no_groups")

    def _check_keys(self):
        config.ClientConfig._check_keys(self)
        session = self.session12
        if session is not None:
            from tlscore import session as session13  # noqa: PLC0415

            session13.check(self)
            name = self.server_name or ""
            require(session.server_name == name, "config.session_server_name")

    def _check_buffers(self):
        config.ClientConfig._check_buffers(self)
        require(self.record_buffer_bytes >= _RECORD_BUFFER_BYTES_MIN, "config.record_buffer_bytes")
        size = client_hello.bytes_max(self) + _SEND_BUFFER_BYTES_BESIDE
        require(size <= self.send_buffer_bytes, "config.send_buffer_bytes")
        self.cookie_bytes_max = min(self.cookie_bytes_max, self.send_buffer_bytes - size)
        fragment = self.max_fragment_bytes
        room = self.record_buffer_bytes - RECORD_OVERHEAD_BYTES
        require(fragment is None or fragment <= room, "config.max_fragment_bytes")
        size = _SECOND_FLIGHT_BYTES + max([0] + [2 + len(row[0]) for row in self.psks])
        if len(self.certificates):
            from tlscore.certificate_verify import signature_bytes_max  # noqa: PLC0415

            size += 7 + sum([3 + len(certificate) for certificate in self.certificates])
            size += 8 + signature_bytes_max(self.private_key)
            # Each message may take as many records as the fragments asked for make of it.
            size += 5 * (size // (fragment or _RECORD_CONTENT_BYTES_MAX) + 3)
        require(size <= self.send_buffer_bytes, "config.send_buffer_bytes")


def check_versions(versions):
    """Check a list of versions: TLS 1.2 is one of them, or the other package would do."""
    require(TLS_1_2 in versions, "config.versions")
    for version in versions:
        require(version in VERSIONS, "config.versions")


def suites_of(codes, of_tls13) -> tuple:
    """Return those of the suites that are of TLS 1.3, or those of TLS 1.2."""
    table = suites13 if of_tls13 else suites
    return tuple([code for code in codes if table.find(code) is not None])


def record_size_limit(record_buffer_bytes):
    """Return what RFC 8449 has a peer told about our buffer, None if every record has room.

    The same number has to do for both versions; TLS 1.2 has the longer records.
    """
    limit = record_buffer_bytes - RECORD_OVERHEAD_BYTES
    return limit if limit <= _RECORD_CONTENT_BYTES_MAX else None
