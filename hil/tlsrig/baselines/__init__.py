"""Baselines: TLS libraries in C on the same emulated core, measured as our boards are.

A baseline is a reference image (images/ref-bearssl, images/ref-mbedtls) and what its library can do
of the scenario `tls13-x509-p256`: the same certificates, peer, echoes and record size, TLS 1.3
where the library has it. It runs on the target file of our own board, so clock, memory and command
line of the emulator are the same, and its cell is judged by the same oracle.

The figures are those of other cells, except for the heap, of which each library has its own idea:
BearSSL allocates nothing (its contexts and buffer are static), Mbed TLS allocates from an arena of
the size chosen at boot, whose smallest is found by bisection. So only heap, stack and static memory
together can be compared. What is not here: our own board's cell (`hil.tlsrig.cell`), the command
(`hil.tlsrig.baselines.command`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from hil import cells
from hil.errors import HilError
from hil.image import Firmware
from hil.measure import Measurement
from hil.report import Cell
from hil.target import Target
from hil.tlsrig import briefing, credentials, heap, oracle, outcome, peers
from hil.tlsrig.baselines import board as baseline_board
from hil.tlsrig.credentials import Credentials
from hil.tlsrig.encounter import meet
from hil.tlsrig.outcome import HEAP_MIN, Connection
from hil.tlsrig.scenario import Scenario, Success, load_all

SCENARIO = "tls13-x509-p256"
TARGET = "qemu-cortexm"
# Baselines and our own board are run with the same seed, so that only the peer's bytes differ.
SEED = hashlib.sha256(b"hil bench baselines").digest()

_TLS12_SUITE = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"
# Peers whose account of TLS 1.2 the rig can read.
_TLS12_PEERS = frozenset({"openssl"})
_ARENA_BYTES = 65_536
_LIVE = "heap_live_peak_bytes"
_FLASH = "flash_tlscore_bytes"

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Baseline:
    """One library.

    Attributes:
        name: as reports show it behind the target's.
        library: how it is called.
        image: that it is in.
        scenario: what it does.
        arena_bytes: what it may allocate from, 0 when it allocates nothing.
    """

    name: str
    library: str
    image: str
    scenario: Scenario
    arena_bytes: int

    def target_of(self, target: Target) -> Target:
        """Return our own board's target as the one that runs this image."""
        return replace(target, name=f"{target.name}-{self.name}", image=self.image)


def all_baselines() -> tuple[Baseline, ...]:
    """Return every baseline."""
    ours = load_all()[SCENARIO]
    return (
        Baseline("bearssl", "BearSSL", "ref-bearssl", _with_tls12(ours), 0),
        Baseline("mbedtls", "Mbed TLS", "ref-mbedtls", ours, _ARENA_BYTES),
    )


def _with_tls12(ours: Scenario) -> Scenario:
    """Return the same handshake by the rules of TLS 1.2 (RFC 5246, RFC 8422)."""
    assert isinstance(ours.expect, Success)
    _version, _suite, group, signature = ours.expect.negotiated
    assert group is not None
    return replace(
        ours,
        name="tls12-x509-p256",
        summary=f"{ours.summary}; TLS 1.2",
        expect=replace(ours.expect, negotiated=("TLSv1.2", _TLS12_SUITE, group, signature)),
        peer=replace(ours.peer, versions=("TLSv1.2",), groups=(group,)),
    )


def run(
    baseline: Baseline,
    peer_name: str,
    target: Target,
    firmware: Firmware,
    *,
    log_dir: Path,
    progress: Progress = lambda _: None,
    smallest_heap: bool = True,
) -> Cell:
    """Run the cell of a baseline.

    Args:
        baseline: which one.
        peer_name: a module of `hil.tlsrig.peers`.
        target: of our own board.
        firmware: of the baseline's image.
        log_dir: an empty folder for certificates, logs and captures.
        progress: told what is tried.
        smallest_heap: look for the smallest arena, which takes a dozen handshakes.

    Returns:
        The cell with its verdict, also when program or peer failed.

    Raises:
        MissingTool: the peer is not installed.
    """
    scenario, own = baseline.scenario, baseline.target_of(target)
    module = peers.load(peer_name)
    version = module.program().version
    cell = Cell(own.name, peer_name, version, scenario.name, scenario.role)
    if "TLSv1.2" in scenario.peer.versions and peer_name not in _TLS12_PEERS:
        known = " or ".join(sorted(_TLS12_PEERS))
        cell.verdict = "skip"
        cell.reason = f"peer {peer_name} is driven with TLS 1.3 only: use --peer={known}"
        return cell
    proofs = credentials.issue(scenario, credentials.moment_of(scenario, module), log_dir)
    connection = Connection(scenario, _options(scenario, proofs))
    attempt = _Attempt(baseline, peer_name, own, firmware, proofs)
    artefacts = dict(proofs.artefacts)
    progress(f"{own.name}: {scenario.name} with {peer_name}")
    try:
        attempt.make(connection, cell, baseline.arena_bytes, log_dir, artefacts)
        if cell.verdict == "pass":
            cell.measurements = _with_own(baseline, firmware, cell.measurements, connection)
            if smallest_heap:
                trials = log_dir / "trials"
                found = _smallest_heap(attempt, cell.measurements, trials, progress)
                cell.measurements.append(found)
    except HilError as error:
        cell.verdict, cell.reason = cells.verdict_of(error), cells.reason_of(error)
    outcome.keep(cell, [connection], log_dir, artefacts)
    return cell


class _Attempt:
    """Makes connections of one baseline, each in a freshly booted board with a peer of its own."""

    def __init__(
        self,
        baseline: Baseline,
        peer_name: str,
        target: Target,
        firmware: Firmware,
        proofs: Credentials,
    ) -> None:
        self.baseline = baseline
        self._peer = peers.load(peer_name)
        self._target = target
        self._firmware = firmware
        self._proofs = proofs

    def make(
        self,
        connection: Connection,
        cell: Cell,
        arena_bytes: int,
        log_dir: Path,
        artefacts: dict[str, Path],
    ) -> None:
        """Make one connection, judge it, and fill its cell with verdict and figures.

        Args:
            connection: gets what it leaves behind; an error leaves what there was.
            cell: gets verdict and figures.
            arena_bytes: what the library may allocate from.
            log_dir: an empty folder for logs.
            artefacts: gets the peer's, likewise.

        Raises:
            HilError: board, peer or link failed.
        """
        scenario, proofs = connection.scenario, self._proofs
        assert proofs.peer is not None
        parameters = baseline_board.Parameters(
            utc_seconds=proofs.utc_seconds,
            seed=SEED,
            server_name=scenario.board.server_name,
            chain=proofs.peer,
            echo_bytes=scenario.echo_bytes,
            silence_ms=round(self._target.timeouts.job_s * 500),
        )
        with (
            closing(briefing.new_peer(scenario, self._peer, proofs, log_dir)) as peer,
            baseline_board.boot(
                self._target,
                self._firmware,
                parameters,
                log_dir=log_dir,
                heap_bytes=arena_bytes,
            ) as board,
        ):
            peer.start()
            artefacts.update(peer.artefacts)
            evidence = connection.evidence
            meet(board, peer, connection.options, None, evidence)
            assert evidence.board is not None
            assert evidence.peer is not None
            connection.ruling = oracle.judge(
                scenario, evidence.board, evidence.peer, echoes=evidence.echoes
            )
            outcome.settle(cell, [connection], evidence.peer.exporter_method)
            cell.measurements = outcome.measured(board, [connection])


def _options(scenario: Scenario, proofs: Credentials) -> dict[str, object]:
    """Return what the program is told, as the report keeps it."""
    return {
        "seed": SEED,
        "utc_seconds": proofs.utc_seconds,
        "server_name": scenario.board.server_name,
        "echo": scenario.echo_bytes,
    }


def _with_own(
    baseline: Baseline,
    firmware: Firmware,
    figures: Sequence[Measurement],
    connection: Connection,
) -> list[Measurement]:
    """Put the figures in that a reference program has in its own way."""
    said = cast("Mapping[str, Any]", connection.evidence.result["reference"])
    if baseline.arena_bytes:
        method = "largest sum of allocated blocks, counted by the arena, echo and close included"
        live = Measurement(_LIVE, said["heap_peak_bytes"], "bytes", method)
    else:
        live = Measurement(_LIVE, 0, "bytes", _static_method(said))
    reason = f"image {firmware.image!r} is {baseline.library}: there is no tlscore in it"
    own = {
        _LIVE: live,
        _FLASH: Measurement(_FLASH, None, "bytes", "linker's map", reason=reason),
    }
    return [own.get(figure.name, figure) for figure in figures]


def _static_method(said: Mapping[str, Any]) -> str:
    return (
        f"nothing is allocated: the client's context of {said['context_bytes']} bytes, that for "
        f"certificates of {said['x509_context_bytes']} and one buffer for both directions of "
        f"{said['buffer_bytes']} are static"
    )


def _smallest_heap(
    attempt: _Attempt, figures: Sequence[Measurement], log_dir: Path, progress: Progress
) -> Measurement:
    """Find the smallest arena by bisection, with a live handshake in each."""
    baseline = attempt.baseline
    live = next(figure for figure in figures if figure.name == _LIVE)
    if not baseline.arena_bytes:
        return replace(live, name=HEAP_MIN)

    def completes(size: int) -> bool:
        progress(f"{baseline.library}: looking for the smallest heap, trying {size} bytes")
        trial = Connection(baseline.scenario, {"echo": baseline.scenario.echo_bytes})
        folder = log_dir / f"{size}"
        folder.mkdir(parents=True)
        attempt.make(trial, Cell("trial", None, None, baseline.scenario.name), size, folder, {})
        return trial.passed

    smallest = heap.smallest_heap_bytes(
        completes, known_good_bytes=baseline.arena_bytes, floor_bytes=int(live.value or 0)
    )
    method = (
        "bisection, a live handshake with echo and close in each arena, "
        f"steps of {heap.STEP_BYTES} bytes"
    )
    return Measurement(HEAP_MIN, smallest, "bytes", method)
