"""Whole TLS handshakes on boards on a cable, by the command a user types."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from .conftest import SIMBOARD


def test_a_stock_board_and_one_with_our_firmware_pass_against_openssl(
    whole_run: tuple[subprocess.Popen[str], Path],
) -> None:
    done, report_dir = whole_run
    said, _ = done.communicate(timeout=300)
    assert done.returncode == 0, said
    report = json.loads((report_dir / "report.json").read_text())
    found = {cell["target"]: cell for cell in report["cells"]}
    assert {name: cell["verdict"] for name, cell in found.items()} == {
        "simulated-mbed": "pass",
        "simulated-esp32": "pass",
    }
    noises = {"simulated-mbed": "timer", "simulated-esp32": "os.urandom"}
    for name, noise in noises.items():
        result = (report_dir / found[name]["artefacts"]["board_result"]).read_text()
        assert f"'noise': '{noise}'" in result
    stock = {figure["name"]: figure for figure in found["simulated-esp32"]["measurements"]}
    ours = {figure["name"]: figure for figure in found["simulated-mbed"]["measurements"]}
    assert stock["heap_live_peak_bytes"]["method"].endswith("modules installed as .mpy")
    assert "installed" not in ours["heap_live_peak_bytes"]["method"]
    assert stock["heap_live_peak_bytes"]["value"] > ours["heap_live_peak_bytes"]["value"] > 0
    for figures in (stock, ours):
        assert figures["handshake_instructions"]["value"] is None
        assert "nothing counts its instructions" in figures["handshake_instructions"]["reason"]
        assert figures["handshake_wall_ms"]["method"].startswith("silicon")
        assert figures["handshake_wall_ms"]["value"] > 0


def test_a_simulated_board_leaves_nothing_however_it_ends() -> None:
    child = subprocess.Popen([sys.executable, str(SIMBOARD), "mbed"], stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    emulators = children_of(child.pid)
    assert emulators
    child.kill()
    child.wait()
    child.stdout.close()
    deadline = time.monotonic() + 10
    while any(runs(pid) for pid in emulators):
        assert time.monotonic() < deadline


def children_of(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(word) for task in tasks for word in (task / "children").read_text().split()]


def runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z" and os.path.exists(f"/proc/{pid}")
