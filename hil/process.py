"""Programs the farm starts: none of them outlives it, however it ends.

Theory of operation. Every child asks the kernel to be killed when its parent dies
(PR_SET_PDEATHSIG, through util-linux' `setpriv`), so that even `kill -9` of pytest leaves no
emulator behind. "Parent" in prctl(2) is the *thread* that started the child, therefore one thread,
which ends only with this process, starts them all. The parent could die between fork and prctl:
a one-line `sh` between `setpriv` and the program checks that the parent is still the one that
asked, and only then becomes the program.

Children get a session of their own: Ctrl-C in the terminal reaches the farm, which then stops them
in its own order.

What it does not do: protect grandchildren (no program the farm starts has children that stay), or
talk to the child (see `hil.console` and `hil.peer`).
"""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Protocol, TypeVar, runtime_checkable

from hil.errors import MissingTool

_T = TypeVar("_T")

# $0 is the pid of the process that asked for the child, "$@" the program with its arguments.
_STILL_WANTED = 'test "$PPID" -eq "$0" && exec "$@"'


@runtime_checkable
class HasFileno(Protocol):
    """A file or a socket."""

    def fileno(self) -> int:
        """Return the descriptor."""


Stream = int | HasFileno | None
Child = subprocess.Popen[bytes]


def guarded(argv: Sequence[str]) -> list[str]:
    """Return the command line that runs `argv` and dies with the thread that starts it.

    Start it from a thread that lives as long as it should: see `in_keeper_thread`.

    Raises:
        MissingTool: the machine lacks `setpriv`.
    """
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise MissingTool("setpriv", "apt-get install util-linux")
    dies_with_parent = [setpriv, "--pdeathsig", "KILL", "--"]
    return [*dies_with_parent, "sh", "-c", _STILL_WANTED, str(os.getpid()), *argv]


def in_keeper_thread(start: Callable[[], _T]) -> _T:
    """Call `start` in the one thread whose children live as long as this process."""
    return _keeper.submit(start).result()


def supervised(
    argv: Sequence[str],
    *,
    stdin: Stream = subprocess.DEVNULL,
    stdout: Stream = subprocess.DEVNULL,
    stderr: Stream = subprocess.DEVNULL,
    pass_fds: Collection[int] = (),
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> Child:
    """Start a program that cannot outlive this process.

    Args:
        argv: program (looked up in PATH) and arguments; never a shell line.
        stdin, stdout, stderr: as for `subprocess.Popen`; nothing is inherited by default.
        pass_fds: descriptors that the program keeps, under the same numbers.
        cwd: where it runs; here when None.
        env: its environment; this process's own when None.

    Returns:
        the process; its pid is the program's own. End it with `stop`.

    Raises:
        FileNotFoundError: there is no such program.
        MissingTool: the machine lacks `setpriv`.
    """
    program = shutil.which(argv[0])
    if program is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), argv[0])
    command = guarded([program, *argv[1:]])

    def start() -> Child:
        return subprocess.Popen(
            command,
            stdin=_descriptor(stdin),
            stdout=_descriptor(stdout),
            stderr=_descriptor(stderr),
            pass_fds=pass_fds,
            cwd=cwd,
            env=env,
            start_new_session=True,
        )

    return in_keeper_thread(start)


def stop(process: Child, *, grace_s: float = 2.0) -> int:
    """End the program if it still runs, and reap it; idempotent.

    Args:
        process: what `supervised` returned.
        grace_s: how long it may take to end by itself after SIGTERM; 0 kills at once.

    Returns:
        its exit status, negative for a signal, as `Popen.returncode`.
    """
    if process.poll() is None and grace_s > 0:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(grace_s)
    if process.poll() is None:
        process.kill()
    status = process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            stream.close()
    return status


def obituary(process: Child) -> str:
    """Say in words how the program stands: running, its exit status, or the signal it died of."""
    status = process.poll()
    if status is None:
        return f"still runs as pid {process.pid}"
    if status < 0:
        return f"was killed by {signal.Signals(-status).name}"
    return f"ended with exit status {status}"


def _descriptor(stream: Stream) -> int | None:
    return stream.fileno() if isinstance(stream, HasFileno) else stream


def _new_keeper() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="hil-keeper")


def _replace_keeper() -> None:
    global _keeper  # noqa: PLW0603
    _keeper = _new_keeper()


_keeper = _new_keeper()
# A forked copy of this process has the executor but not its thread.
os.register_at_fork(after_in_child=_replace_keeper)
