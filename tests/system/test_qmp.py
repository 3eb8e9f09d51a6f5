"""QMP works without an event loop of the caller's, beside one, and ends when QEMU does."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from hil import process
from hil.boot.qmp import Monitor, MonitorError

# QEMU without any machine: its control channel is all there is.
_COMMAND = (
    "qemu-system-arm -machine none -nodefaults -display none -S -mon chardev=qmp,mode=control"
)


@pytest.fixture
def emulator() -> Iterator[tuple[Monitor, process.Child]]:
    with ExitStack() as cleanup:
        ours, theirs = socket.socketpair()
        with theirs:
            chardev = ["-chardev", f"socket,id=qmp,fd={theirs.fileno()}"]
            child = process.supervised([*_COMMAND.split(), *chardev], pass_fds=[theirs.fileno()])
        cleanup.callback(process.stop, child, grace_s=0)
        monitor = Monitor(ours, timeout_s=1.0)
        cleanup.callback(monitor.close)
        yield monitor, child


def test_a_command_returns_what_qemu_returns(emulator: tuple[Monitor, process.Child]) -> None:
    monitor, _ = emulator
    status = monitor.execute("query-status")
    assert isinstance(status, dict)
    assert status["status"] == "prelaunch"


def test_a_refused_command_is_an_error_in_qemus_words(
    emulator: tuple[Monitor, process.Child],
) -> None:
    monitor, _ = emulator
    with pytest.raises(MonitorError, match=r"dance: The command dance has not been found"):
        monitor.execute("dance")
    assert monitor.execute("query-name") == {}


def test_a_qemu_that_stands_still_is_an_error_in_time(
    emulator: tuple[Monitor, process.Child],
) -> None:
    monitor, child = emulator
    os.kill(child.pid, signal.SIGSTOP)
    with pytest.raises(MonitorError, match="query-name: QEMU gave no answer within 1 s"):
        monitor.execute("query-name")


def test_a_qemu_that_is_killed_is_an_error_and_can_be_closed(
    emulator: tuple[Monitor, process.Child],
) -> None:
    monitor, child = emulator
    process.stop(child, grace_s=0)
    with pytest.raises(MonitorError, match="query-name"):
        monitor.execute("query-name")
    monitor.close()
    monitor.close()


def test_it_works_where_another_event_loop_is_running(
    emulator: tuple[Monitor, process.Child],
) -> None:
    monitor, _ = emulator

    async def within() -> object:
        return monitor.execute("query-name")

    assert asyncio.run(within()) == {}


def test_who_does_not_greet_is_no_qemu_and_leaves_no_thread() -> None:
    before = threading.active_count()
    ours, theirs = socket.socketpair()
    with theirs, pytest.raises(MonitorError, match="the greeting"):
        Monitor(ours, timeout_s=0.1)
    assert threading.active_count() == before
