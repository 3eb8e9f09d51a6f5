"""TLS reference peers, one module each; a new peer is one new file in this folder.

A peer module offers `SUMMARY` (one line for lists), `KNOWS_TIME` (its programs can be told what
time it is), `program()` (the installed program with its version, or `MissingTool` with the install
command), `INSTALL` (that command), `ABILITIES` (what it can do in each role,
`hil.tlsrig.abilities`), `serve(setup, log_dir)` and `connect(setup, log_dir)` (a peer in the
server's or the client's role). One that the farm builds or installs itself has `build(progress)` as
well, and `ON_REQUEST = True` if it does so only for who names it.
`names` finds the modules by listing the folder, so there is no table to keep.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, cast

from hil.peer import Peer, Program
from hil.tlsrig import abilities
from hil.tlsrig.abilities import Abilities
from hil.tlsrig.statement import Statement

if TYPE_CHECKING:
    from hil.tlsrig.pki import ChainFiles

# What both ends export to prove that they share the secrets (RFC 8446 §7.5).
EXPORTER_LABEL = "EXPORTER-hil"
EXPORTER_BYTES = 32


class TlsPeer(Peer[Statement], Protocol):
    """One reference implementation of TLS in one role."""

    @property
    def closes_first(self) -> bool:
        """Whether close_notify must be its own idea for both to be seen."""

    def next_connection(self) -> None:
        """Go on to the next of its connections, when `finish` has told of the one before."""

    def abandon(self) -> None:
        """End it from another thread, so that whoever waits for it learns that it is gone."""

    def end_after(self, farewell: bytes, timeout_s: float) -> None:
        """Wait for the other end's last data, then let it close the connection in order.

        Only asked of one that closes first.
        """


@dataclass(frozen=True)
class Psk:
    """An external pre-shared key (RFC 8446 §4.2.11).

    Attributes:
        with_dhe: combined with (EC)DHE (`psk_dhe_ke`); otherwise alone (`psk_ke`).
        hash_name: of the hash it is for; the programs know no other one.
    """

    identity: str
    key: bytes
    with_dhe: bool = True
    hash_name: Literal["sha256", "sha384"] = "sha256"


@dataclass(frozen=True)
class ServerSetup:
    """What a peer in the server's role shall accept, in registered names.

    Attributes:
        certificates: the chain it presents, with its key; None when it has a `psk` instead.
        versions: TLS versions, `TLSv1.3` style.
        suites, groups, signatures: empty for the peer's own defaults.
        alpn: protocols in the server's order, empty to negotiate none.
        max_record_bytes: largest plaintext it may put into one record, None for the protocol's.
        answer_bytes: it sends nothing back before so many have come, and then all of them at once;
            None: as they come. Only an engine is told; programs have manners of their own.
        client_root: PEM file of the root below which a client certificate is demanded; None: none.
        utc_seconds: time at which client certificates must be valid, None for now.
        psk: it takes this key instead of showing a certificate.
        raw_public_keys: roles of the ends that show their bare key (RFC 7250) instead of their
            certificate.
        tickets: it gives them; otherwise it remembers sessions of TLS 1.2 by their ids.
        cookie: it keeps no state before a client has shown it the cookie of its HelloRetryRequest.
        extended_master_secret: in TLS 1.2; otherwise it does without (RFC 7627).
        device: which one it shall be, of the peers that are several (`past`); None elsewhere.
        connections: how many it serves, one after the other.
        datagram_bytes: the largest datagram it sends, in DTLS; None for its own default.
    """

    certificates: ChainFiles | None
    versions: tuple[str, ...] = ("TLSv1.3",)
    suites: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    signatures: tuple[str, ...] = ()
    alpn: tuple[str, ...] = ()
    max_record_bytes: int | None = None
    answer_bytes: int | None = None
    client_root: Path | None = None
    utc_seconds: int | None = None
    psk: Psk | None = None
    raw_public_keys: tuple[str, ...] = ()
    tickets: bool = True
    cookie: bool = False
    extended_master_secret: bool = True
    device: str | None = None
    connections: int = 1
    datagram_bytes: int | None = None


@dataclass(frozen=True)
class ClientSetup:
    """What a peer in the client's role shall offer, in registered names.

    Attributes:
        address: where the server listens.
        anchor: PEM file of the trusted root; None when it has a `psk` instead.
        server_name: sent as SNI and required in the certificate.
        groups: the first one is what it sends a key share for.
        utc_seconds: time at which certificates must be valid, None for now.
        certificates: the chain it proves itself with when asked, None for none.
        fallback: it says that an offer of a newer version has failed (RFC 7507).
        extended_master_secret: in TLS 1.2; otherwise it does without (RFC 7627).
        device: as `ServerSetup` has it.
        connections: how many it makes, one after the other; each later one resumes the first.
        datagram_bytes: as `ServerSetup` has it.
        handshake_s: how long it tries, over datagrams; None: as long as it does by itself. Told to
            those that would give up too early.
    """

    address: tuple[str, int]
    anchor: Path | None
    server_name: str
    versions: tuple[str, ...] = ("TLSv1.3",)
    suites: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    signatures: tuple[str, ...] = ()
    alpn: tuple[str, ...] = ()
    max_record_bytes: int | None = None
    answer_bytes: int | None = None
    utc_seconds: int | None = None
    certificates: ChainFiles | None = None
    psk: Psk | None = None
    raw_public_keys: tuple[str, ...] = ()
    fallback: bool = False
    extended_master_secret: bool = True
    device: str | None = None
    connections: int = 1
    datagram_bytes: int | None = None
    handshake_s: float | None = None


class PeerModule(Protocol):
    """What a module of this folder offers."""

    SUMMARY: str
    INSTALL: str
    KNOWS_TIME: bool
    ABILITIES: Abilities

    def program(self) -> Program:
        """Return the installed program; `MissingTool` names the command that installs it."""

    def serve(self, setup: ServerSetup, log_dir: Path) -> TlsPeer:
        """Return a server, not started yet; its files go to `log_dir`."""

    def connect(self, setup: ClientSetup, log_dir: Path) -> TlsPeer:
        """Return a client for one connection, not started yet; its files go to `log_dir`."""


# Other names of peers: what somebody may call for, and what it is called here.
ALIASES = {"mbedtls3": "mbedtls"}


def renamed(patterns: Sequence[str]) -> list[str]:
    """Return names and globs as the command line has them, the other names made the usual ones."""
    pieces = [piece.strip() for text in patterns for piece in text.split(",")]
    return [ALIASES.get(piece, piece) for piece in pieces]


def is_on_request(name: str) -> bool:
    """Whether a peer is installed only for who names it."""
    return bool(getattr(load(name), "ON_REQUEST", False))


def names() -> tuple[str, ...]:
    """Return the names of all peers, sorted."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def load(name: str) -> PeerModule:
    """Return the module of the peer called `name`."""
    return cast(PeerModule, importlib.import_module(f"{__name__}.{name}"))


def lacking(name: str, role: str, needs: frozenset[str]) -> str | None:
    """Return why a peer cannot do in its role what a scenario needs, None when it can."""
    known = {other: load(other).ABILITIES for other in names()}
    return abilities.lacking(name, role, needs, known)
