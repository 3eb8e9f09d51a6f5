"""What a scenario means for each end: the options of the board's job, the setup of the peer.

Names become code points for the board and stay names for the peer; credentials become plain
literals for the board and files for the peer. Nothing is started here.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Mapping
from pathlib import Path

from hil.tlsrig import names, tamper
from hil.tlsrig.credentials import Credentials
from hil.tlsrig.peers import ClientSetup, PeerModule, ServerSetup, TlsPeer
from hil.tlsrig.scenario import Scenario


def new_peer(
    scenario: Scenario,
    module: PeerModule,
    proofs: Credentials,
    log_dir: Path,
    listener: socket.socket | None = None,
) -> TlsPeer:
    """Return the scenario's peer, not started yet: a client of `listener` if there is one."""
    if listener is None:
        return module.serve(server_setup(scenario, proofs), log_dir)
    return module.connect(client_setup(scenario, proofs, listener.getsockname()), log_dir)


def board_options(
    scenario: Scenario, proofs: Credentials, seed: bytes, job_s: float, peer: TlsPeer
) -> dict[str, object]:
    """Return the options of the board's job, as plain literals.

    Args:
        scenario: what is tried.
        proofs: what the ends prove themselves with.
        seed: of the board's random generator.
        job_s: how long the host waits for the job.
        peer: whose manners the board has to know.
    """
    side = scenario.board
    own = None if side.withholds else proofs.board
    return {
        "seed": seed,
        "utc_seconds": proofs.utc_seconds,
        "anchors": proofs.peer.anchors if proofs.peer is not None else [],
        "pins": [proofs.peer.pin] if scenario.raw_public_keys and proofs.peer is not None else [],
        "identity": (own.sent, own.private_key) if own is not None else None,
        "server_name": side.server_name,
        "alpn": tuple(protocol.encode("ascii") for protocol in side.alpn),
        "suites": _codes(names.SUITES, side.suites),
        "groups": _codes(names.GROUPS, side.groups),
        "key_shares": _codes(names.GROUPS, side.key_shares),
        "max_record_bytes": side.max_record_bytes,
        "echo": scenario.echo_bytes,
        "key_updates": side.key_updates,
        "close_first": not peer.closes_first,
        # The board gives up before the host does, so that it can still say why.
        "timeout_ms": round(job_s * 500),
    }


def server_setup(scenario: Scenario, proofs: Credentials) -> ServerSetup:
    """Return what a peer in the server's role is told."""
    side = scenario.peer
    return ServerSetup(
        certificates=proofs.peer_files,
        versions=side.versions,
        suites=side.suites,
        groups=side.groups,
        signatures=side.signatures,
        alpn=side.alpn,
        max_record_bytes=side.max_record_bytes,
        client_root=proofs.board_files.root if proofs.board_files is not None else None,
        utc_seconds=proofs.utc_seconds if proofs.board_files is not None else None,
        raw_public_key=scenario.raw_public_keys,
    )


def client_setup(scenario: Scenario, proofs: Credentials, address: tuple[str, int]) -> ClientSetup:
    """Return what a peer in the client's role is told."""
    side = scenario.peer
    return ClientSetup(
        address=address,
        anchor=proofs.board_files.root if proofs.board_files is not None else None,
        server_name=scenario.board.server_name,
        versions=side.versions,
        suites=side.suites,
        groups=side.groups,
        signatures=side.signatures,
        alpn=side.alpn,
        max_record_bytes=side.max_record_bytes,
        utc_seconds=proofs.utc_seconds,
        certificates=None if side.withholds else proofs.peer_files,
        raw_public_key=scenario.raw_public_keys,
    )


def attack_of(scenario: Scenario, peer: TlsPeer) -> tamper.Attack | None:
    """Return what the link shall do to the bytes, None for an honest link."""
    if scenario.tamper is None:
        return None
    return tamper.ATTACKS[scenario.tamper](peer.artefacts["key_log"])


def _codes(table: Mapping[int, str], registered: Iterable[str]) -> tuple[int, ...]:
    return tuple(names.code_of(table, name) for name in registered)
