"""The simulation of a large lab in its short form; `python tests/scale` is the long one."""

from __future__ import annotations

import json
import subprocess

import contention
from schedule import cost
from shelf import shelf


def test_twenty_boards_do_their_jobs_beside_each_other_each_leased_once(tmp_path):
    with shelf(tmp_path, 20, work_ms=200) as boards:
        found = cost(boards, 4, tmp_path / "report")
        assert found.passed == 20
        whats = [event.what for event in boards.leased()]
        assert (whats.count("in"), whats.count("out")) == (20, 20)
        assert "refused" not in {event.what for event in boards.ports()}
    assert 0.2 <= found.work_s < found.whole_s  # the figures are of what they say


def test_a_shard_runs_on_the_boards_of_its_label_and_no_other(tmp_path):
    with shelf(tmp_path, 6, work_ms=1, boards_per_site=2, scheme="socket") as boards:
        argv = boards.command(f"--report={tmp_path / 'report'}", targets="label:site-01")
        subprocess.run(argv, cwd=tmp_path, env=boards.environment("shard"), check=True)
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    names = [target["name"] for target in report["targets"]]
    assert names == ["stub-board@board-0002", "stub-board@board-0003"]


def test_killed_runs_leave_no_lease_and_no_process_and_no_board_is_had_twice(tmp_path):
    with shelf(tmp_path, 10, work_ms=100) as boards:
        found = contention.runs(boards, at_once=2, workers=2, kills=3, most=4, seed=3)
        assert found.twice == []
        assert found.left == []
        assert found.takes > 0
        assert cost(boards, 2, tmp_path / "report").passed == 10


def test_processes_killed_while_they_take_leases_never_share_one(tmp_path):
    found = contention.takers(tmp_path, at_once=4, boards=3, kills=20, seed=1)
    assert found.twice == []
    assert found.left == []
    assert found.takes > 20


def test_a_board_that_two_have_at_once_is_found(tmp_path):
    found = contention.takers(tmp_path, at_once=4, boards=1, kills=12, seed=1, together=False)
    assert found.twice
