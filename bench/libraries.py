"""TLS libraries in C on the same emulated core: `hil bench baselines`, and what follows from it.

Their phases are whole ones: all signatures of a handshake, both multiplications of the key
exchange. One of each is a share of that, which the figures' method says.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bench import programs
from bench.figures import Figure, Figures
from bench.handshakes import SCENARIOS
from bench.operations import INSTRUCTIONS
from hil.document import Document
from hil.footprint import first_line
from hil.tlsrig import baselines

# Whose handshake theirs stands beside; BearSSL's is the same by the rules of TLS 1.2.
SCENARIO = baselines.SCENARIO
# Making the key share and computing the secret.
_MULTIPLICATIONS = 2

assert SCENARIO in SCENARIOS


def names() -> list[str]:
    """Return how the libraries are called."""
    return [baseline.library for baseline in baselines.all_baselines()]


def run(figures: Figures, report_dir: Path, *, quick: bool) -> list[str]:
    """Run every library's handshake and add what it took.

    Returns:
        What did not pass, one line each.

    Raises:
        BenchError: the command did not run: no compiler, no source of a library, no peer.
    """
    command = ["-c", "import sys; from hil.cli import main; sys.exit(main())"]
    command += ["bench", "baselines", "--quiet", f"--output={report_dir}"]
    report = programs.report_of(command + ["--quick"] * quick, report_dir)
    complaints = []
    for baseline in baselines.all_baselines():
        name = f"{baselines.TARGET}-{baseline.name}"
        (cell,) = (cell for cell in report["cells"] if cell["target"] == name)
        figures.add(programs.figures_of(cell, baseline.library, SCENARIO))
        figures.add(_shares(figures, cell, baseline.library))
        figures.versions[str(cell["peer"])] = str(cell["peer_version"])
        if cell["verdict"] != "pass":
            reason = first_line(cell["reason"])
            complaints.append(f"{baseline.library}: {cell['verdict']}: {reason}")
    return complaints


def _shares(figures: Figures, cell: Document, library: str) -> Iterator[Figure]:
    """Return what one operation of the handshake took, of the phases that are made of them."""
    shares = (
        ("ecdsa_p256_verify", "signature_verification", "signatures_verified"),
        ("x25519", "key_exchange", None),
    )
    for key, phase, counted in shares:
        whole = figures.value(library, f"{SCENARIO}.phase.{phase}.instructions")
        parts = cell["negotiated"].get(counted) if counted else _MULTIPLICATIONS
        if whole is not None and parts:
            method = f"one of {parts} equal parts of the phase {phase}"
            yield Figure(library, key, whole / parts, INSTRUCTIONS, method)
