"""A report with everything in it, and Debian's chromium to look at its page.

The report is written as every run writes its own. Chromium comes from the Debian package of that
name; without it these tests fail, because a page nobody looked at is not tested.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from hil import report, target
from hil.image import Firmware
from hil.link_map import Component
from hil.measure import Measurement

TARGETS = (
    "unix",
    "qemu-cortexm",
    "qemu-cortexm4",
    "qemu-cortexm33",
    "qemu-lm3s6965",
    "qemu-mips",
    "qemu-riscv32",
)
PEERS = ("gnutls", "openssl")
SCENARIOS = (
    "tls13-x509-p256",
    "tls13-psk",
    "tls13-resumption",
    "tls13-server-x509-p256",
    "tls13-wrong-name",
)
STARTED = datetime(2031, 2, 3, 4, 5, 6, tzinfo=timezone.utc)

# What a hostile board or peer would say; each sets `window.planted` if a browser runs it.
PLANTED = (
    "</pre></script><script>window.planted = 1</script>"
    '<img src="x" onerror="window.planted = 2"><svg onload="window.planted = 3">'
    "\"' onmouseover='window.planted = 4'"
)
PLANTED_PATH = "javascript:window.planted=5"

_PHASES = {
    "client_hello": 34_260_000,
    "server_hello": 480_000,
    "key_schedule": 35_050_000,
    "certificate": 135_260_000,
    "certificate_verify": 57_950_000,
    "finished": 4_700_000,
}


@pytest.fixture(scope="session")
def chromium():
    program = shutil.which("chromium")
    if program is None:
        pytest.fail("there is no chromium; install Debian's package of that name")
    with sync_playwright() as playwright:
        # Its sandbox needs what containers and root do not have; it sees only files of these tests.
        browser = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def written(tmp_path_factory) -> Path:
    """The folder of a report: two earlier runs lie beside it."""
    folder = tmp_path_factory.mktemp("reports")
    for days, factor in ((2, 1.02), (1, 1.01)):
        _run(folder, STARTED - timedelta(days=days), factor).write(folder / f"earlier-{days}")
    return _written(_run(folder, STARTED, 1.0), folder / "this")


@pytest.fixture(scope="session")
def empty(tmp_path_factory) -> Path:
    """The folder of a report without a single cell, of a run that was interrupted."""
    folder = tmp_path_factory.mktemp("empty")
    run = report.Run(folder, STARTED, "empty")
    run.interrupted = True
    return _written(run, folder / "this")


@pytest.fixture(scope="session")
def unbuilt(tmp_path_factory) -> Path:
    """The folder of a report whose board never got a firmware, in cells without a peer."""
    folder = tmp_path_factory.mktemp("unbuilt")
    run = report.Run(folder, STARTED, "unbuilt")
    board = target.load_all()["qemu-mips"]
    reason = "image mips does not build: make: *** [Makefile:12] Error 2"
    cell = report.Cell(board.name, None, None, "test_boots", None, "error", reason)
    run.add(cell, board, None)
    return _written(run, folder / "this")


@pytest.fixture(scope="session")
def night(tmp_path_factory) -> Path:
    """The folder of a report of a lab's night, with everything that can befall a board."""
    folder = tmp_path_factory.mktemp("night")
    run = report.Run(folder, STARTED, "night")
    run.passed, run.problems = False, [f"target x was selected, but no cell ran on it {PLANTED}"]
    run.problems.append("2 regressions against the baseline 20310202T040506Z-abcdef")
    kind = target.load_all()["qemu-cortexm"]
    for name in ("good", "flaky", "locked", "wedged", "infra", "loose"):
        why = f"its USB plug is loose {PLANTED}" if name == "loose" else None
        place = target.Place(Path("lab.toml"), quarantine=why)
        board = replace(kind, name=f"{kind.name}@{name}", klass="attached", place=place)
        for scenario in SCENARIOS:
            cell = _passed(board.name, "openssl", scenario, 1.0)
            if scenario == "tls13-psk" or name not in ("good", "flaky"):
                _befall(cell, name, board.quarantine)
            document = cell.document()
            if cell.verdict == "flaky":
                document["attempts"] = 3
                document["failed_attempts"] = [
                    {"verdict": "error", "reason": f"the board died in tls_jobs:client {PLANTED}"},
                    {"verdict": "hang", "reason": "no answer within 30 s\nits console"},
                ]
            run.add_documents(document, report.describe_target(board, _firmware(board.image)))
    return _written(run, folder / "this")


@pytest.fixture(scope="session")
def compatible(tmp_path_factory) -> Path:
    """The folder of a report of `hil matrix`: six peers, four buffers, every outcome there is."""
    folder = tmp_path_factory.mktemp("compatible")
    run = report.Run(folder, STARTED, "compatible")
    board = target.load_all()["qemu-cortexm"]
    rows = [
        (version, suite, certificate)
        for version, suite in (
            ("TLSv1.3", "TLS_AES_128_GCM_SHA256"),
            ("TLSv1.2", "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"),
        )
        for certificate in ("p256", "ed25519")
    ]
    for role in ("client", "server"):
        for peer in ("bearssl", "gnutls", "mbedtls", "openssl", "pyopenssl", "tlslite"):
            for row in rows:
                for size in (2048, 5120, 8192, 16384):
                    document = _tried(board.name, role, peer, row, size)
                    if document is not None:
                        facts = report.describe_target(board, _firmware(board.image))
                        run.add_documents(document, facts)
    return _written(run, folder / "this")


def _tried(name: str, role: str, peer: str, row: tuple[str, str, str], size: int):
    """Return a cell of a matrix; None where none was run."""
    if row[2] == "ed25519" and size < 16384:
        return None
    scenario = "-".join(("matrix", role, *row, str(size))).lower().replace("_", "-")
    cell = report.Cell(name, peer, "1.2.3", scenario, role, "pass")
    expected, reason = "pass", "Works: the buffer holds every record."
    if peer == "bearssl" and row[0] == "TLSv1.3":
        expected = "refused"
        reason = f"bearssl speaks TLS 1.2 {PLANTED}: it refuses with handshake_failure (40)."
        cell.negotiated = {"alert": "handshake_failure (40) from peer"}
    elif peer == "tlslite" and size == 2048:
        cell.verdict, cell.reason = "fail", f"echo 2112 to board: {PLANTED}\nmore"
    elif peer == "openssl" and size == 5120:
        cell.verdict, cell.reason = "error", "peer openssl died"
    elif size == 8192 and role == "server":
        cell.verdict, cell.reason = "skip", "not run"
        expected, reason = "refused", "Not run: there is room for a buffer of 6,400 bytes."
    place = dict(zip(("version", "suite", "certificate"), row, strict=True))
    return {
        **cell.document(),
        "matrix": {**place, "buffer_bytes": size, "expected": expected, "reason": reason},
    }


def _befall(cell: report.Cell, what: str, quarantine: str | None) -> None:
    """Give a cell the verdict of a board that something is wrong with."""
    reasons = {
        "flaky": "passed on attempt 3 of 3; the first: error: the board died in tls_jobs:client\n"
        f"retries allowed by Kim until 2031-12-24: its supply is too weak {PLANTED}",
        "locked": "is locked by kim on desk (pid 4711: pytest) since 2031-02-03T03:00:00Z",
        "wedged": "is wedged: Ctrl-C, soft reset, hard reset and power cycle did not bring it back",
        "infra": "rfc2217://bench.example:4001: nobody serves it; start the server",
        "loose": quarantine,
    }
    if what in reasons:
        cell.verdict, cell.reason = "skip" if what == "loose" else what, reasons[what]
        if what == "flaky":
            names = ("console", "attempt-1/console", "attempt-1/failure")
            cell.artefacts = {name: f"artefacts/cell/{name}.log" for name in names}
        else:
            cell.measurements, cell.negotiated = [], {}


def _written(run: report.Run, folder: Path) -> Path:
    run.write(folder)
    return folder


def _run(project: Path, started: datetime, factor: float) -> report.Run:
    """Return a run of every scenario on every target; `factor` scales what is measured."""
    boards = target.load_all()
    run = report.Run(project, started, f"run-{started:%d}")
    is_last = factor == 1.0
    for name in TARGETS:
        for peer in PEERS:
            for scenario in SCENARIOS:
                cell = _passed(name, peer, scenario, factor)
                if is_last:
                    _spoil(cell)
                run.add(cell, boards[name], _firmware(boards[name].image))
    return run


def _firmware(image: str) -> Firmware:
    parts = (
        Component("MicroPython", "core", 114_200, 0, 908),
        Component("port", "common", 6_331, 0, 527),
        Component("Python modules", "tlscore.client", 5_380, 0, 0),
        Component("Python modules", "tlscore.x509.certificate", 2_512, 0, 0),
        Component("Python modules", "tls_jobs", 1_904, 0, 0),
    )
    return Firmware(image, Path("/nowhere"), "ab" * 32, "1.25.0", {}, 325_908, 1_484, parts)


def _passed(name: str, peer: str, scenario: str, factor: float) -> report.Cell:
    role = "server" if "server" in scenario else "client"
    cell = report.Cell(name, peer, "3.0.17", scenario, role, "pass")
    cell.test = f"tests/system/test_handshake.py::test_handshake[{cell.name}]"
    cell.negotiated = {
        "version": "TLSv1.3",
        "suite": "TLS_AES_128_GCM_SHA256",
        "group": "x25519",
        "signature": "ecdsa_secp256r1_sha256",
        "psk": scenario == "tls13-psk",
    }
    heap = round(14_208 * factor)
    cell.measurements = [
        Measurement("heap_live_peak_bytes", heap, "bytes", "largest live heap at 14 checkpoints"),
        Measurement("heap_min_bytes", heap + 2_048, "bytes", "replay: bisection", n=9),
        Measurement("ram_static_bytes", 1_484, "bytes", "sections of the linked image"),
        Measurement("handshake_wall_ms", 2_201.3, "ms", "board's virtual clock"),
    ]
    if name == "unix":
        reason = "runs as a host process: no timer counts its instructions"
        cell.measurements.append(
            Measurement("handshake_instructions", None, "instructions", "none", reason=reason)
        )
        return cell
    cell.measurements.append(Measurement("stack_peak_bytes", 5_676, "bytes", "painted stack"))
    method = "icount shift=3, compute segments"
    counted = {"handshake_instructions": sum(_PHASES.values())}
    counted.update((f"phase.{phase}.instructions", value) for phase, value in _PHASES.items())
    cell.measurements.extend(
        Measurement(figure, round(value * factor), "instructions", method)
        for figure, value in counted.items()
    )
    return cell


def _spoil(cell: report.Cell) -> None:
    """Give some cells of the last run every other verdict."""
    if cell.scenario == "tls13-psk" and cell.peer == "openssl" and "cortexm" in cell.target:
        cell.verdict, cell.reason = "fail", f"the exported keying material differs {PLANTED}"
        cell.explanation = (
            f"The board sent illegal_parameter (47).\nTo change: the suites. {PLANTED}"
        )
        cell.artefacts = {"capture": "artefacts/a b#1?.pcapng", "key_log": PLANTED_PATH}
    elif cell.name == "qemu-mips-gnutls-tls13-resumption":
        lines = "\n".join(f"console line {number} {PLANTED}" for number in range(60))
        cell.verdict = "hang"
        cell.reason = f"qemu-mips hangs in tls_jobs:client\n{lines}\nthe last line"
        cell.measurements = []
    elif cell.name == "qemu-riscv32-gnutls-tls13-psk":
        cell.verdict, cell.reason = "error", "qemu-riscv32 died: exception 5, mepc=0x8001f2a4"
    elif cell.target == "qemu-lm3s6965" and cell.role == "server":
        cell.verdict, cell.reason = "skip", "image lm3s6965 leaves out tlscore/server.py"
        cell.measurements, cell.negotiated = [], {}
    elif cell.name == "unix-openssl-tls13-wrong-name":
        cell.verdict, cell.reason = "flaky", "passed on the second try: connect timed out"
    elif cell.name == "qemu-cortexm4-gnutls-tls13-wrong-name":
        cell.verdict, cell.reason = "locked", "qemu-cortexm4 is in use by process 4711"
