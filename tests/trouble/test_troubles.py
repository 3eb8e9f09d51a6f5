"""Every trouble of a board on a cable, one by one, from `python tests/simboard` to a passing run.

A few of them are in tests/system/attached/test_healing.py too, side by side.
"""

from __future__ import annotations

import importlib
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

SIMBOARD = Path(__file__).parents[1] / "simboard"

sys.path.insert(0, str(SIMBOARD))
troubles = importlib.import_module("troubles")
new_bench = importlib.import_module("simulated_bench").Bench
sys.path.remove(str(SIMBOARD))


@pytest.fixture
def bench() -> Iterator[Any]:
    # Short, for the sockets in it.
    with tempfile.TemporaryDirectory(prefix="hil-") as folder:
        made = new_bench(Path(folder))
        try:
            yield made
        finally:
            made.close()


@pytest.mark.parametrize("trouble", troubles.TROUBLES, ids=lambda trouble: trouble.__name__)
def test_it_ends_in_the_right_verdict_and_the_next_run_works(trouble: Any, bench: Any) -> None:
    trouble(bench)
