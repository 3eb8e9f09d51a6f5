"""Supervised programs end with the farm, whatever happens to it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from hil import process
from hil.errors import MissingTool

# A program of the farm in small: supervises a `sleep`, says its pid, then waits to be killed.
_PARENT = """
import sys
from hil import process
child = process.supervised(["sleep", "600"])
print(child.pid, flush=True)
sys.stdin.read()
"""


def _eventually(condition: Callable[[], bool], timeout_s: float = 5.0) -> bool:
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


def _runs(pid: int) -> bool:
    """Say whether a process exists and is not just waiting to be reaped."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def _command_of(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/cmdline").read_text().split("\0")[:-1]


def _is_sleep(pid: int) -> bool:
    command = _command_of(pid)  # empty for a moment while the process becomes another program
    return command[1:] == ["600"] and Path(command[0]).name == "sleep"


@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_child_dies_with_its_parent_however_that_is_killed(by: signal.Signals) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", _PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with parent:
        assert parent.stdout is not None
        try:
            child_pid = int(parent.stdout.readline())
            assert _eventually(lambda: _is_sleep(child_pid))
            parent.send_signal(by)
            parent.wait(10)
        finally:
            parent.kill()
        assert _eventually(lambda: not _runs(child_pid))


def test_a_child_outlives_the_thread_that_asked_for_it() -> None:
    started: list[process.Child] = []
    thread = threading.Thread(target=lambda: started.append(process.supervised(["sleep", "600"])))
    thread.start()
    thread.join()
    (child,) = started
    try:
        with pytest.raises(subprocess.TimeoutExpired):
            child.wait(0.2)
    finally:
        assert process.stop(child) == -signal.SIGTERM


def test_a_child_whose_parent_is_gone_already_never_becomes_the_program(tmp_path: Path) -> None:
    trace = tmp_path / "ran"
    command = process.guarded(["touch", str(trace)])
    not_the_parent = [str(os.getppid()) if part == str(os.getpid()) else part for part in command]
    assert subprocess.run(not_the_parent, check=False, timeout=10).returncode != 0
    assert not trace.exists()
    assert subprocess.run(command, check=False, timeout=10).returncode == 0
    assert trace.exists()


def test_the_pid_is_the_programs_own() -> None:
    child = process.supervised(["sleep", "600"])
    try:
        assert _eventually(lambda: _is_sleep(child.pid))
    finally:
        process.stop(child)


def test_a_child_is_not_in_the_session_that_gets_ctrl_c() -> None:
    child = process.supervised(["sleep", "600"])
    try:
        assert os.getsid(child.pid) != os.getsid(0)
    finally:
        process.stop(child)


def test_stop_kills_what_ignores_sigterm() -> None:
    deaf = "trap '' TERM; echo deaf; while :; do sleep 0.05; done"
    child = process.supervised(["sh", "-c", deaf], stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline() == b"deaf\n"
    assert process.stop(child, grace_s=0.2) == -signal.SIGKILL
    assert process.obituary(child) == "was killed by SIGKILL"


def test_stop_is_idempotent_and_keeps_the_first_status() -> None:
    child = process.supervised(["sh", "-c", "exit 3"])
    child.wait(10)
    assert process.stop(child) == 3
    assert process.stop(child) == 3
    assert process.obituary(child) == "ended with exit status 3"


def test_inherited_descriptors_keep_their_numbers() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as output:
        script = f"echo through >/dev/fd/{writing}"
        child = process.supervised(["sh", "-c", script], pass_fds=[writing])
        os.close(writing)
        assert output.read() == b"through\n"
        process.stop(child)


def test_a_program_that_does_not_exist_is_named() -> None:
    with pytest.raises(FileNotFoundError, match="no-such-program"):
        process.supervised(["no-such-program", "argument"])


def test_a_machine_without_setpriv_is_told_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingTool, match="apt-get install util-linux"):
        process.guarded(["sleep", "1"])
