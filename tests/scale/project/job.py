"""One job per board that takes $SCALE_WORK_MS; collected by name, by runs on stub boards only."""

from __future__ import annotations

import os

from hil.report import Cell


def test_job(dut, hil_target, hil_record):
    work_ms = int(os.environ["SCALE_WORK_MS"])
    answer = dut.call("stub:work", work_ms, hil_target.name, timeout_s=30 + work_ms / 1000)
    assert answer == hil_target.name
    hil_record(Cell(hil_target.name, None, None, "job", verdict="pass"))
