"""A scenario: everything one handshake test shall do and how it must end, as data.

A scenario names neither a board nor a peer program: registered TLS names say what each side
offers and accepts, and every peer module turns them into its own options. `expect` is precise:
either `Success`, with the counts that prove the work was really done, or `Refusal`, with who
must send which alert and the board's own dotted reason. Declarations live in `scenarios/`, one
tuple `SCENARIOS` per file; a new scenario is one more entry, nothing else.
"""

from __future__ import annotations

import difflib
import fnmatch
import importlib
import pkgutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from hil.errors import HilError
from hil.link_profile import profile_of
from hil.tlsrig import abilities, names, plan

# 2026-01-15T12:00:00Z: what the boards of all scenarios take for the present, so that a run can
# be repeated on any day; certificates are made around it.
SCENARIO_UTC_SECONDS = 1_768_478_400

# Peers without record_size_limit can be told to send no larger ones than this at least.
_SMALL_RECORD_BYTES = 512 + 1

_RESUMPTIONS_OF_TLS12 = {
    "ticket": abilities.RESUMPTION_BY_TICKET,
    "session_id": abilities.RESUMPTION_BY_ID,
}

# What every peer shows of a datagram.
_SHORT_DATAGRAM_BYTES = 127
# The longest that Ethernet carries, and peers send where nobody tells them otherwise.
_USUAL_DATAGRAM_BYTES = 1500

# After these the server asks the client for a cookie a second time.
_ASKED_TWICE = ("two-client-hellos", "cookie-after-address-change")


# What every peer begins with when nobody tells it otherwise.
_FIRST_GROUP = "x25519"

BOARD = "board"
PEER = "peer"

# In what a success negotiates: whatever it is, both ends say the same. For what a peer may choose.
AGREED = "agreed"


class ScenarioError(HilError):
    """A scenario that contradicts itself, or a name that selects none."""


@dataclass(frozen=True)
class BoardSide:
    """What the board is told to do, in registered names.

    Attributes:
        groups: what it supports, in order of preference.
        key_shares: the groups it sends a key share for in its first ClientHello; a client's only.
        max_record_bytes: largest record plaintext it has room for, and says so (RFC 8449).
        certificates: the variant it proves itself with (`hil.tlsrig.pki`), None for none.
        withholds: as a client it is asked for those certificates and shows none.
        key_updates: KeyUpdates it sends, each asking for one in return (RFC 8446 §4.6.3).
        cookie: as a server that sends a HelloRetryRequest it takes only clients that return the
            cookie in it (RFC 8446 §4.2.2).
        compatible: as a client it does what middleboxes expect (RFC 8446 appendix D.4).
        versions: what it speaks.
        extended_master_secret: in TLS 1.2 it is a must; otherwise it does without where it has to.
        signatures: as a client, the schemes it accepts; empty: what every image can verify.
        max_fragment_bytes: as a client it asks servers that do not know record_size_limit to keep
            to this (RFC 6066 §4).
        small_buffers: as a client it sends from a buffer that holds its ClientHello and little
            more, and has no room for messages that are split over records but the usual ones.
        takes_larger: records of the peer that are larger than `max_record_bytes` do not matter
            (tls/LARGE_RECORDS.md); data in them only with `staged_data`.
        staged_data: it reads data before they are verified.
        fallback: as a client of TLS 1.2 alone it says that a better offer has failed (RFC 7507).
        datagram_bytes: the largest datagram it sends, in DTLS.
        retransmission_ms_max: to what its time-outs double (RFC 6347 §4.2.4.1), in DTLS; None:
            tlscore's default.
    """

    role: Literal["client", "server"] = "client"
    versions: tuple[str, ...] = ("TLSv1.3",)
    extended_master_secret: bool = True
    suites: tuple[str, ...] = ("TLS_AES_128_GCM_SHA256",)
    groups: tuple[str, ...] = ("x25519", "secp256r1")
    key_shares: tuple[str, ...] = ("x25519",)
    server_name: str = "localhost"
    alpn: tuple[str, ...] = ()
    max_record_bytes: int = 4096
    certificates: str | None = None
    withholds: bool = False
    key_updates: int = 0
    cookie: bool = False
    compatible: bool = True
    signatures: tuple[str, ...] = ()
    max_fragment_bytes: int | None = None
    fallback: bool = False
    small_buffers: bool = False
    takes_larger: bool = False
    staged_data: bool = False
    datagram_bytes: int = 1200
    retransmission_ms_max: int | None = None


@dataclass(frozen=True)
class PeerSide:
    """What the peer is told to accept; empty tuples leave it its own defaults.

    Attributes:
        certificates: the variant it proves itself with, None for none.
        withholds: as a client it is asked for those certificates and shows none.
        max_record_bytes: largest plaintext it may put into one record.
        answer_bytes: it sends back only whole answers of so many bytes, where it can be told.
        cookie: as `BoardSide` has it, with every client.
        extended_master_secret: in TLS 1.2; otherwise it does without (RFC 7627).
        device: it is this very one, which only a peer that declares it can be; None: any peer.
        fallback: as `BoardSide` has it.
        datagram_bytes: the largest datagram it sends, in DTLS; None: its own default.
    """

    versions: tuple[str, ...] = ("TLSv1.3",)
    suites: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    signatures: tuple[str, ...] = ()
    alpn: tuple[str, ...] = ()
    certificates: str | None = "valid"
    withholds: bool = False
    max_record_bytes: int | None = 4096
    answer_bytes: int | None = None
    cookie: bool = False
    extended_master_secret: bool = True
    device: str | None = None
    fallback: bool = False
    datagram_bytes: int | None = None


@dataclass(frozen=True)
class Success:
    """The handshake completes, data is echoed, both ends close in order.

    Attributes:
        negotiated: version, suite, group and signature scheme; None for what a handshake with a
            PSK does without, `AGREED` for what the ends have to agree on.
        psk: an external key was used.
        resumed: an earlier connection was resumed.
        answered: the peer, when it closes first, waits for the board's close_notify.
        alpn: the protocol that the server chose (RFC 7301), None for none.
        peer_closes: the peer says close_notify; one that does not ends over datagrams all the same.
    """

    negotiated: tuple[str, str, str | None, str | None]
    signatures_verified: int
    hello_retries: int = 0
    psk: bool = False
    resumed: bool = False
    answered: bool = True
    alpn: str | None = None
    peer_closes: bool = True


@dataclass(frozen=True)
class Refusal:
    """One end refuses: `sender` sends exactly `alert`, the board gives exactly `reason`.

    `late`: the other end has connected by then, as clients have whose certificates do not please:
    to them the handshake is over with their own Finished (RFC 8446 §4.4.2.4, §6.2).
    `connected`: both have, and what is refused came with the data.
    """

    sender: Literal["board", "peer"]
    alert: str
    reason: str
    late: bool = False
    connected: bool = False

    @property
    def alert_code(self) -> int:
        """The alert's number."""
        return names.code_of(names.ALERTS, self.alert)


@dataclass(frozen=True)
class SharedKey:
    """An external key that both ends have in place of certificates (RFC 8446 §4.2.11).

    Attributes:
        mode: combined with (EC)DHE or alone (RFC 8446 §4.2.9).
        wrong: in what the board's differs from the peer's, if it does.
        others: further keys in the board's store, each with another identity and for another peer.
    """

    mode: Literal["psk_dhe_ke", "psk_ke"] = "psk_dhe_ke"
    wrong: Literal["identity", "key", "hash"] | None = None
    others: int = 0


@dataclass(frozen=True)
class Resumption:
    """An earlier connection with the same peer gives the ticket that this one offers.

    Attributes:
        first: how the earlier connection ends.
        first_from: the other end it comes to, as rightly, with the peers named here.
        spoiled: what is wrong with the ticket by the time it is offered.
        by: in TLS 1.2 the server may remember the session by its id instead; it gives no tickets
            then.
    """

    first: Success
    first_from: Mapping[str, Success] = field(default_factory=dict)
    spoiled: Literal["forged", "expired"] | None = None
    by: Literal["ticket", "session_id"] = "ticket"


@dataclass(frozen=True)
class Scenario:
    """One handshake test.

    Attributes:
        name: as `--scenario` and test ids show it.
        summary: one line for lists.
        psk: an external key takes the place of certificates.
        resumption: a connection before this one, None for none.
        is_first: this is that connection itself (`connections`).
        raw_public_keys: roles of the ends that show their bare key (RFC 7250) instead of their
            certificate; a board knows that of its peer.
        tamper: a filter of `hil.tlsrig.tamper`, None for an honest link.
        link_profile: the network between the ends (`hil.link_profile`); None, for streams only:
            as fast as the board's link is.
        link_seed: fixes what chance does on it.
        mishap: what happens to some datagrams whatever the profile (`hil.tlsrig.mishaps`).
        echo_bytes: sizes of the payloads echoed after the handshake, in this order.
        measure: names of the figures this scenario is run for.
        expect_from: the other end it comes to, as rightly, with the peers named here; `name<3.4`
            stands for the releases of a peer before that one, see `hil.tlsrig.releases`.
    """

    name: str
    summary: str
    expect: Success | Refusal
    board: BoardSide = field(default_factory=BoardSide)
    peer: PeerSide = field(default_factory=PeerSide)
    psk: SharedKey | None = None
    resumption: Resumption | None = None
    is_first: bool = False
    raw_public_keys: tuple[Literal["client", "server"], ...] = ()
    tamper: str | None = None
    link_profile: str | None = None
    link_seed: int = 0
    mishap: str | None = None
    echo_bytes: tuple[int, ...] = (1, 64, 1000, 5000)
    utc_seconds: int = SCENARIO_UTC_SECONDS
    measure: tuple[str, ...] = ()
    expect_from: Mapping[str, Success | Refusal] = field(default_factory=dict)

    def expected(self, peer_name: str) -> Success | Refusal:
        """How it must end with this peer."""
        return self.expect_from.get(peer_name, self.expect)

    @property
    def connections(self) -> tuple[Scenario, ...]:
        """The connections it takes, one after the other; the last one is what it is about."""
        if self.resumption is None:
            return (self,)
        first = replace(
            self,
            is_first=True,
            expect=self.resumption.first,
            expect_from=self.resumption.first_from,
            # To a client a ticket comes before data; a client may leave as soon as it has one.
            echo_bytes=(1,) if self.role == "client" else (),
            measure=(),
        )
        return first, self

    @property
    def over_datagrams(self) -> bool:
        """It is one of DTLS."""
        return any(version.startswith("DTLS") for version in self.board.versions)

    @property
    def patience_s(self) -> float:
        """How much longer than without its network all of it may take."""
        return 0.0 if self.link_profile is None else profile_of(self.link_profile).patience_s

    @property
    def is_of_dtls13(self) -> bool:
        """It is one of DTLS 1.3."""
        return self.board.versions == ("DTLSv1.3",)

    @property
    def has_short_datagrams(self) -> bool:
        """Its network carries no datagrams as long as peers send them by themselves."""
        if self.link_profile is None or not self.over_datagrams:
            return False
        most = self.peer.datagram_bytes or _USUAL_DATAGRAM_BYTES
        return min(most, profile_of(self.link_profile).datagram_bytes_max) < _USUAL_DATAGRAM_BYTES

    @property
    def has_exporter(self) -> bool:
        """Both ends can export keying material: in TLS 1.2 not without extended master secret.

        RFC 7627 §5.4: such a connection cannot vouch for what it exports.
        """
        return self.peer.extended_master_secret

    @property
    def has_tickets(self) -> bool:
        """The server may give tickets; otherwise sessions go on by their ids alone."""
        return self.resumption is None or self.resumption.by == "ticket"

    @property
    def role(self) -> str:
        """What the board is: `client` or `server`."""
        return self.board.role

    @property
    def needs(self) -> frozenset[str]:
        """What it needs of a peer, in the words of `hil.tlsrig.abilities`."""
        if self.peer.device is not None:
            return frozenset({self.peer.device})
        needs = {*self.peer.versions, *self.peer.suites, *self.peer.groups}
        if isinstance(self.expect, Success):
            version, suite, group, _ = self.expect.negotiated
            needs |= {name for name in (version, suite, group) if name not in (None, AGREED)}
        for variant in filter(None, (self.board.certificates, self.peer.certificates)):
            needs |= plan.plan_of(variant).kinds
        client = self.board if self.role == "client" else self.peer
        refused_by_peer = isinstance(self.expect, Refusal) and self.expect.sender == PEER
        shown = self.board.certificates is not None and not self.board.withholds
        is_small = self.board.max_record_bytes < _SMALL_RECORD_BYTES and not (
            self.board.takes_larger
        )
        asked = {
            abilities.RAW_PUBLIC_KEYS: self.raw_public_keys,
            abilities.RECORD_SIZE_LIMIT: is_small and self.board.max_fragment_bytes is None,
            abilities.ANY_RECORD_SIZE: self.board.takes_larger,
            abilities.RECORD_SIZE_LIMIT_OF_TLS12: is_small and "TLSv1.2" in needs,
            abilities.COOKIE: self.peer.cookie or self.board.cookie,
            abilities.KEY_UPDATE: self.board.key_updates,
            abilities.FRAGMENT_LENGTH: self.board.max_fragment_bytes,
            abilities.FALLBACK: self.peer.fallback or self.board.fallback,
            abilities.CLIENT_CERTIFICATES: client.certificates,
            abilities.LONG_DATAGRAMS: self.over_datagrams
            and max(self.echo_bytes) > _SHORT_DATAGRAM_BYTES,
            abilities.DATAGRAM_LIMIT: self.has_short_datagrams,
            abilities.SECOND_COOKIE: self.mishap in _ASKED_TWICE,
            abilities.VALIDATION: refused_by_peer and shown,
            abilities.INSISTENCE: refused_by_peer and self.board.withholds,
            abilities.KEY_REFUSAL: refused_by_peer
            and self.psk is not None
            and self.psk.wrong != "key"
            and "TLSv1.3" in needs,
            abilities.EXPORTER_BESIDE_THEM: client.certificates
            and isinstance(self.expect, Success),
        }
        is_tls12 = not needs.isdisjoint({"TLSv1.2", "DTLSv1.2"})
        if self.resumption is not None:
            by = _RESUMPTIONS_OF_TLS12[self.resumption.by] if is_tls12 else abilities.RESUMPTION
            needs.add(by)
        if is_tls12:
            with_it = self.peer.extended_master_secret
            needs.add(abilities.EXTENDED_MASTER if with_it else abilities.NO_EXTENDED_MASTER)
        needs |= {word for word, is_needed in asked.items() if is_needed}
        needs |= self._choices()
        if self.psk is not None and not is_tls12:
            needs.add(self.psk.mode)
            if "TLS_AES_256_GCM_SHA384" in needs and isinstance(self.expect, Success):
                needs.add(abilities.KEY_FOR_SHA384)
        return frozenset(needs)

    def _choices(self) -> set[str]:
        """Return in what the peer must keep to less than the board would agree to."""
        board, peer = self.board, self.peer
        asked = {
            abilities.CHOICE_OF_VERSIONS: set(board.versions) - set(peer.versions),
            abilities.CHOICE_OF_SUITES: peer.suites and set(board.suites) - set(peer.suites),
            abilities.CHOICE_OF_GROUPS: peer.groups and peer.groups[0] != _FIRST_GROUP,
        }
        return {word for word, is_needed in asked.items() if is_needed}

    def __post_init__(self) -> None:
        """Refuse a declaration that could not mean anything."""
        server = self.board if self.board.role == "server" else self.peer
        if server.certificates is None and self.psk is None:
            raise ScenarioError(f"{self.name}: the server has neither certificates nor a key")
        if not set(self.board.key_shares) <= set(self.board.groups):
            raise ScenarioError(f"{self.name}: a key share for a group the board does not offer")
        if isinstance(self.expect, Success) and self.tamper is not None:
            raise ScenarioError(f"{self.name}: expects success over a tampered link")
        if isinstance(self.expect, Success) and not self.echo_bytes and not self.is_first:
            raise ScenarioError(f"{self.name}: expects success but echoes nothing")
        if self.over_datagrams and self.link_profile is None:
            raise ScenarioError(f"{self.name}: datagrams need a link_profile; `clean` is one")
        if len({version.startswith("DTLS") for version in self.board.versions}) > 1:
            raise ScenarioError(f"{self.name}: a board cannot offer TLS and DTLS at once")
        if self.over_datagrams:
            sizes = self.board.datagram_bytes, self.peer.datagram_bytes
            most = profile_of(self.link_profile or "").payload_bytes_max(*sizes)
            if max(self.echo_bytes, default=0) > most:
                raise ScenarioError(f"{self.name}: its datagrams take payloads of {most} bytes")


def load_all() -> dict[str, Scenario]:
    """Return every declared scenario by name, in the order of declaration.

    Raises:
        ScenarioError: two scenarios have the same name.
    """
    from hil.tlsrig import scenarios  # noqa: PLC0415  (the declarations import this module)

    found: dict[str, Scenario] = {}
    for module in sorted(pkgutil.iter_modules(scenarios.__path__), key=lambda entry: entry.name):
        declared = importlib.import_module(f"{scenarios.__name__}.{module.name}").SCENARIOS
        for scenario in declared:
            if scenario.name in found:
                raise ScenarioError(f"two scenarios are called {scenario.name!r}")
            found[scenario.name] = scenario
    return found


def select(patterns: Sequence[str], known: Mapping[str, object], what: str) -> list[str]:
    """Return the names that globs and comma lists choose, in the order given, each once.

    Args:
        patterns: as the command line has them.
        known: what there is, by name.
        what: what the names name, for the error: `scenario`, `peer`.

    Raises:
        ScenarioError: a pattern chooses nothing; the message lists what comes near.
    """
    chosen: dict[str, None] = {}
    for pattern in (piece.strip() for text in patterns for piece in text.split(",")):
        matching = fnmatch.filter(known, pattern)
        if not matching:
            near = difflib.get_close_matches(pattern, known, n=3, cutoff=0.4)
            hint = f"did you mean {', '.join(near)}?" if near else f"there are {', '.join(known)}"
            raise ScenarioError(f"no {what} matches {pattern!r}; {hint}")
        chosen.update(dict.fromkeys(matching))
    return list(chosen)
