"""What peers can do, as words: each peer's module declares its own, a scenario what it needs.

An ability is a registered name (a version, suite, group or mode of keys), a kind of certificates
(`hil.tlsrig.keys`), or one of the words below. What a scenario needs and a peer does not declare
is why its cell is skipped, and the reason names the peers that could. Nothing is tried out: a peer
that declares an ability and then fails at it makes a failed cell.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hil.tlsrig import names

RAW_PUBLIC_KEYS = "raw public keys (RFC 7250)"
RECORD_SIZE_LIMIT = "record_size_limit (RFC 8449)"
# It keeps to it with data, but not with a long Certificate, and does not know it in TLS 1.2.
RECORD_SIZE_LIMIT_FOR_DATA = "record_size_limit for data of TLS 1.3"
# A Certificate obeys it as well, in the same flight that agrees on it.
RECORD_SIZE_LIMIT_OF_TLS12 = "record_size_limit from the ServerHello of TLS 1.2 on"
# It knows no record_size_limit, so that a long Certificate is one record.
ANY_RECORD_SIZE = "records of any size, whatever record_size_limit asks for"
COOKIE = "cookie (RFC 8446 §4.2.2)"
KEY_UPDATE = "KeyUpdate (RFC 8446 §4.6.3)"
CLIENT_CERTIFICATES = "client certificates"
# As a server: a client that shows none is told so, under the right keys (RFC 8446 §4.4.2.4).
INSISTENCE = "a refusal of clients without certificate"
# The exporter's secret ends with the server's Finished (RFC 8446 §7.1), whatever the client shows.
EXPORTER_BESIDE_THEM = "a right exporter beside client certificates"
VALIDATION = "validation of certificates"
FRAGMENT_LENGTH = "max_fragment_length (RFC 6066 §4)"
FALLBACK = "TLS_FALLBACK_SCSV (RFC 7507)"
LONG_DATAGRAMS = "long datagrams shown whole"
DATAGRAM_LIMIT = "a limit for the size of its datagrams"
# As a client; RFC 6347 §4.2.1 has it answer each with the cookie in it.
SECOND_COOKIE = "an answer to a second HelloVerifyRequest"
KEY_FOR_SHA384 = "external keys for SHA-384 (RFC 8446 §4.2.11)"
EXTENDED_MASTER = "extended master secret (RFC 7627)"
# It can be told to do without it, or has none.
NO_EXTENDED_MASTER = "a handshake without extended master secret"

# It can be told to keep to some of what it has, and does.
CHOICE_OF_VERSIONS = "a choice of versions"
CHOICE_OF_SUITES = "a choice of suites"
CHOICE_OF_GROUPS = "a choice of groups"
# As a server of TLS 1.3 without certificates: a client whose keys it does not know is told so.
KEY_REFUSAL = "an alert for unknown external keys"

RESUMPTION = "resumption of TLS 1.3"
RESUMPTION_BY_TICKET = "resumption of TLS 1.2 by ticket (RFC 5077)"
RESUMPTION_BY_ID = "resumption of TLS 1.2 by session id"

CHOICES = frozenset({CHOICE_OF_VERSIONS, CHOICE_OF_SUITES, CHOICE_OF_GROUPS})
RESUMES = frozenset({RESUMPTION, RESUMPTION_BY_TICKET, RESUMPTION_BY_ID})
CERTIFICATES = frozenset({"p256", "p384", "rsa2048", "ed25519"})
GROUPS = frozenset(names.GROUPS.values()) - {
    name for name in names.GROUPS.values() if "MLKEM" in name
}
TLS13_ALL = frozenset({"TLSv1.3", *names.SUITES.values()})

_TLS12_AEAD = ("AES_128_GCM_SHA256", "AES_256_GCM_SHA384", "CHACHA20_POLY1305_SHA256")
TLS12_CERTIFICATES = frozenset(
    {
        "TLSv1.2",
        *(f"TLS_ECDHE_{kind}_WITH_{aead}" for kind in ("ECDSA", "RSA") for aead in _TLS12_AEAD),
        *("TLS_ECDHE_ECDSA_WITH_AES_128_CCM", "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8"),
    }
)
# ECDHE_PSK with AES in GCM or CCM (RFC 8442) is in none of the peers.
TLS12_PSK = frozenset(
    {
        *("TLS_PSK_WITH_AES_128_GCM_SHA256", "TLS_PSK_WITH_CHACHA20_POLY1305_SHA256"),
        *("TLS_PSK_WITH_AES_128_CCM", "TLS_PSK_WITH_AES_128_CCM_8"),
        "TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256",
    }
)
TLS12_ALL = TLS12_CERTIFICATES | TLS12_PSK
OF_DATAGRAMS = frozenset({LONG_DATAGRAMS, DATAGRAM_LIMIT, SECOND_COOKIE})
DTLS12 = frozenset({"DTLSv1.2"})
DTLS13 = frozenset({"DTLSv1.3"})


@dataclass(frozen=True)
class Abilities:
    """What a peer can do in each role; a role it does not have is empty.

    `largest_record_bytes` is the most that it puts into a record as the farm drives it, where that
    is less than TLS allows.
    """

    server: frozenset[str]
    client: frozenset[str]
    largest_record_bytes: int = 16384

    @classmethod
    def both(cls, *words: Iterable[str]) -> Abilities:
        """Return the same abilities for both roles."""
        together = frozenset().union(*words)
        return cls(together, together)

    def of(self, role: str) -> frozenset[str]:
        """Return those of `server` or `client`."""
        return self.server if role == "server" else self.client


def lacking(
    name: str, role: str, needs: frozenset[str], known: Mapping[str, Abilities]
) -> str | None:
    """Return why a peer cannot do what a scenario needs of it; None when it can.

    Args:
        name: the peer.
        role: the peer's.
        needs: what the scenario needs.
        known: the abilities of all peers.
    """
    missing = sorted(needs - known[name].of(role))
    if not missing:
        return None
    able = [other for other in sorted(known) if needs <= known[other].of(role)]
    hint = f": use --peer={' or '.join(able)}" if able else ", and no other peer has all of it"
    return f"peer {name} as a {role} has no {', '.join(missing)}{hint}"
