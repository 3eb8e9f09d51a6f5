"""Boards that do not boot are healed, by the commands a user types; see tests/simboard/troubles.py.

Nearly all of it is waiting, so these troubles are had side by side, in one test that one worker
runs. All of them, one by one: `tox -e trouble`.
"""

from __future__ import annotations

import importlib
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .conftest import SIMBOARD

sys.path.insert(0, str(SIMBOARD))
troubles = importlib.import_module("troubles")
new_bench = importlib.import_module("simulated_bench").Bench
sys.path.remove(str(SIMBOARD))

CHOSEN = (
    troubles.wedged,
    troubles.wrong_firmware,
    troubles.dies_in_mid_handshake,
    troubles.killed_while_its_power_is_off,
)


def suffer(trouble) -> None:
    with tempfile.TemporaryDirectory(prefix="hil-") as folder:
        bench = new_bench(Path(folder))
        try:
            trouble(bench)
        finally:
            bench.close()


def test_each_trouble_ends_in_the_right_verdict_and_the_next_run_works() -> None:
    with ThreadPoolExecutor(len(CHOSEN)) as executor:
        ended = {trouble.__name__: executor.submit(suffer, trouble) for trouble in CHOSEN}
    failed = {name: future.exception() for name, future in ended.items()}
    failed = {name: error for name, error in failed.items() if error is not None}
    assert not failed, "\n".join(f"{name}: {error}" for name, error in failed.items())
