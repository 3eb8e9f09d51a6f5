"""TLS reference peers, one module each; a new peer is one new file in this folder.

A peer module offers three names: `SUMMARY` (one line for lists), `program()` (the installed
program with its version, or `MissingTool` with the install command) and `serve(setup, log_dir)`
(a `Peer` that will accept one connection as the setup says). `names` finds the modules by
listing the folder, so there is no table to keep.
"""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from hil.peer import Peer, Program
from hil.tlsrig.statement import Statement

if TYPE_CHECKING:
    from hil.tlsrig.pki import ChainFiles

TlsPeer = Peer[Statement]


@dataclass(frozen=True)
class ServerSetup:
    """What a peer in the server's role shall accept, in registered names.

    Attributes:
        certificates: the chain it presents, with its key.
        versions: TLS versions, `TLSv1.3` style.
        suites, groups, signatures: empty for the peer's own defaults.
        alpn: protocols in the server's order, empty to negotiate none.
        max_record_bytes: largest plaintext it may put into one record, None for the protocol's.
    """

    certificates: ChainFiles
    versions: tuple[str, ...] = ("TLSv1.3",)
    suites: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    signatures: tuple[str, ...] = ()
    alpn: tuple[str, ...] = ()
    max_record_bytes: int | None = None


@dataclass(frozen=True)
class ClientSetup:
    """What a peer in the client's role shall offer, in registered names.

    Attributes:
        address: where the server listens.
        anchor: PEM file of the trusted root.
        server_name: sent as SNI and required in the certificate.
        utc_seconds: time at which certificates must be valid, None for now.
    """

    address: tuple[str, int]
    anchor: Path
    server_name: str
    versions: tuple[str, ...] = ("TLSv1.3",)
    suites: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    utc_seconds: int | None = None


class PeerModule(Protocol):
    """What a module of this folder offers."""

    SUMMARY: str

    def program(self) -> Program:
        """Return the installed program; `MissingTool` names the command that installs it."""

    def serve(self, setup: ServerSetup, log_dir: Path) -> TlsPeer:
        """Return a server for one connection, not started yet; its files go to `log_dir`."""


def names() -> tuple[str, ...]:
    """Return the names of all peers, sorted."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def load(name: str) -> PeerModule:
    """Return the module of the peer called `name`."""
    return cast(PeerModule, importlib.import_module(f"{__name__}.{name}"))
