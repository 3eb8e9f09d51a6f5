"""However a run ends, with real boards: its verdict is clear and nothing of it stays behind.

The inner runs are processes of their own with a mark in their environment, which every process
they start inherits; what carries the mark after the run is a leftover.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from uuid import uuid4

import pytest

INNER_TEST = """
import sys

SOURCE = '''
def run(link):
    print("counting sheep")
    while True:
        pass
'''

def test_endless(dut, hil_record):
    dut.install("endless", SOURCE)
    dut.start("endless:run")
    print("the job runs", file=sys.stderr, flush=True)  # stdout of a worker is shown to nobody
    dut.wait(timeout_s={timeout_s})
"""

_MARK = "HIL_TEST_MARK"
_START_TIMEOUT_S = 60
_END_TIMEOUT_S = 30


class InnerRun:
    """A pytest process whose board is busy with a job that never ends."""

    def __init__(self, folder: Path, target_name: str, options: Sequence[str]) -> None:
        self.folder = folder
        self.mark = f"{_MARK}={uuid4().hex}"
        name, value = self.mark.split("=")
        arguments = ["-s", f"--target={target_name}", "--report=out", "-p", "no:cacheprovider"]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "pytest", *arguments, *options],
            cwd=folder,
            env={**os.environ, name: value},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.output = ""

    def read_until(self, words: str) -> None:
        """Read the output until a line has these words."""
        deadline = time.monotonic() + _START_TIMEOUT_S
        while words not in self.output:
            assert time.monotonic() < deadline, self.output
            line = self.process.stdout.readline()
            assert line, f"the run ended before {words!r}:\n{self.output}"
            self.output += line

    def end(self) -> int:
        """Wait for the end and return the exit status."""
        rest, _ = self.process.communicate(timeout=_END_TIMEOUT_S)
        self.output += rest
        return self.process.returncode

    def survivors(self) -> dict[int, str]:
        """Return the processes that carry the mark, as process id -> command line."""
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                environment = (folder / "environ").read_bytes()
                command = (folder / "cmdline").read_bytes()
            except OSError:  # it ended meanwhile, or is not ours to look at
                continue
            if self.mark.encode() in environment.split(b"\0") and command:
                words = command.replace(b"\0", b" ").decode(errors="replace")
                found[int(folder.name)] = words
        return found

    def cell(self) -> dict:
        """Return the one cell of the report."""
        (cell,) = json.loads((self.folder / "out/report.json").read_text())["cells"]
        return cell


@pytest.fixture
def inner_run(pytester, hil_target, dut_factory):
    """Start an inner run on the target under test and wait until its board is busy."""
    dut_factory.firmware()  # built here, so that the inner run need not wait for it
    started = []

    def _inner_run(*options: str, timeout_s: float = 600) -> InnerRun:
        pytester.makepyfile(INNER_TEST.format(timeout_s=timeout_s))
        run = InnerRun(pytester.path, hil_target.name, options)
        started.append(run)
        run.read_until("the job runs")
        # The inner pytest and at least one process that is the board.
        assert len(run.survivors()) >= 2
        return run

    yield _inner_run
    for run in started:
        if run.process.poll() is None:
            run.process.kill()
            run.process.wait()
        run.process.stdout.close()


def _gone_in_time(run: InnerRun) -> dict[int, str]:
    """Return what is left of a run after the time it may take to fall."""
    deadline = time.monotonic() + _END_TIMEOUT_S
    while run.survivors() and time.monotonic() < deadline:
        time.sleep(0.05)
    return run.survivors()


IN_WORKERS = ("-n", "1", "--dist", "loadgroup")


@pytest.mark.parametrize("options", [(), IN_WORKERS], ids=["alone", "in-workers"])
def test_ctrl_c_leaves_a_report_and_no_process(inner_run, options):
    run = inner_run(*options)
    os.killpg(run.process.pid, signal.SIGINT)  # as a terminal does: to all of the group
    assert run.end() == pytest.ExitCode.INTERRUPTED, run.output
    assert run.survivors() == {}
    assert (run.cell()["verdict"], run.cell()["reason"]) == ("error", "the run was interrupted")


@pytest.mark.parametrize("options", [(), IN_WORKERS], ids=["alone", "in-workers"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_a_killed_run_leaves_no_process(inner_run, number, options):
    run = inner_run(*options)
    run.process.send_signal(number)
    run.end()
    assert _gone_in_time(run) == {}


def test_a_hang_is_a_hang_within_its_time_with_the_console(inner_run):
    run = inner_run(timeout_s=2)
    assert run.end() == pytest.ExitCode.TESTS_FAILED
    assert run.survivors() == {}
    assert run.cell()["verdict"] == "hang"
    assert "counting sheep" in run.cell()["reason"]
    assert "counting sheep" in run.output


def test_a_killed_board_is_an_error_not_a_verdict_on_the_board(inner_run):
    run = inner_run()
    for process_id in run.survivors():
        if process_id != run.process.pid:
            os.kill(process_id, signal.SIGKILL)
    assert run.end() == pytest.ExitCode.TESTS_FAILED
    assert run.survivors() == {}
    assert run.cell()["verdict"] == "error"
