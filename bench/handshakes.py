"""Handshakes on the boards: recorded conversations played back, exact to the instruction."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench import programs
from bench.figures import Figures
from hil.document import Document
from hil.footprint import first_line
from hil.target import Target

# Scenario -> what stands in the table.
SCENARIOS = {
    "tls13-x509-p256": "TLS 1.3, X25519, three P-256 signatures",
    "tls13-x509-p256-small": "the same with a record buffer of 2 KB",
    "tls13-x509-rsa2048": "TLS 1.3, X25519, three RSA-2048 signatures",
    "tls13-psk": "TLS 1.3, pre-shared key and X25519",
    "tls13-psk-small": "the same with small buffers",
    "tls13-psk-ke": "TLS 1.3, pre-shared key alone (`psk_ke`)",
    "tls13-resumption": "TLS 1.3, resumed by ticket with X25519",
    "tls13-server-x509-p256": "TLS 1.3 as server, P-256 certificate",
    "tls12-ecdsa-gcm": "TLS 1.2, X25519, three P-256 signatures",
}
QUICK = ("tls13-x509-p256", "tls13-psk-ke")


def run(
    targets: Sequence[Target], figures: Figures, report_dir: Path, *, quick: bool, jobs: str
) -> list[str]:
    """Play the recordings on the boards, and add what they took.

    Args:
        targets: which boards.
        figures: gets the figures, versions, and which code computes what on each board.
        report_dir: gets the report of the run.
        quick: two scenarios, without the smallest heaps.
        jobs: how many boards at once, as pytest-xdist's `-n` takes it.

    Returns:
        What did not pass, one line each.

    Raises:
        BenchError: pytest did not run.
    """
    scenarios = QUICK if quick else SCENARIOS
    command = [
        *("-m", "pytest", "-q", "-n", jobs, "--dist", "loadgroup"),
        "tests/system/test_handshake.py",
        f"--target={','.join(target.name for target in targets)}",
        f"--scenario={','.join(scenarios)}",
        "--replay",
        f"--measure={'quick' if quick else 'full'}",
        f"--report={report_dir}",
    ]
    report = programs.report_of(command, report_dir)
    for target in report["targets"]:
        if target["firmware"]:
            figures.versions["MicroPython"] = target["firmware"]["micropython"]
        if "backends" in target:
            figures.backends[target["name"]] = target["backends"]
    for cell in report["cells"]:
        figures.add(programs.figures_of(cell, cell["target"], cell["scenario"]))
    return [_complaint(cell) for cell in report["cells"] if cell["verdict"] not in ("pass", "skip")]


def _complaint(cell: Document) -> str:
    return f"{cell['target']} {cell['scenario']}: {cell['verdict']}: {first_line(cell['reason'])}"
