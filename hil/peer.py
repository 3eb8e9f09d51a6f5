"""Reference peers: independent programs on the host, started, talked to, and always stopped.

A peer's life: `start` returns once it is ready to be connected to; `await_connected` waits for
its own word that the connection stands; `echo` lets it send back what it is sent; `finish` waits
for the end of the connection and returns its verdict; `close` ends it whatever happened. A program
that was killed, or says nothing in time, is a `PeerError` that names the program, what was waited
for, and the tail of its log: never a verdict. One that ended by itself too early is a `PeerEnded`:
its connection failed, and `finish` still tells how.

`Dialogue` is what most peers need for that: one supervised program whose standard input and
output are a socket pair (binary-clean, unlike a terminal), driven through pexpect.

This file knows nothing of TLS: the type of a verdict is the business of the rig that reads it.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast

import pexpect
import pexpect.fdpexpect

from hil.errors import MissingTool, PeerError
from hil.process import obituary, stop, supervised


class PeerEnded(PeerError):
    """The program ended by itself, as it does when its connection fails, before it was done."""


VerdictT_co = TypeVar("VerdictT_co", covariant=True)

_LOG_TAIL_BYTES = 2000
# What has been written can be read at once; this only bounds the look for more.
_ABSORB_S = 0.05
# Between a program closing its output and the kernel having its exit status.
_LAST_WORDS_S = 5


class Peer(Protocol[VerdictT_co]):
    """One reference implementation in one role for one connection."""

    @property
    def name(self) -> str:
        """Short name, as test ids and reports show it."""

    @property
    def version(self) -> str:
        """The program's own version text."""

    @property
    def address(self) -> tuple[str, int]:
        """Host and port it listens on or connects to; valid after `start`."""

    @property
    def artefacts(self) -> Mapping[str, Path]:
        """Files worth keeping: logs, keys; they exist after `finish` or `close`."""

    def start(self) -> None:
        """Start the program and return when it can be connected to."""

    def await_connected(self, timeout_s: float) -> bool:
        """Wait for its word on the connection: True it stands, False it came to nothing."""

    def echo(self, size: int, timeout_s: float) -> bytes:
        """Let the next `size` bytes that reach the peer be sent back, and return them.

        They are what reached the peer, whatever had been sent; a peer may need a newline at their
        end. `PeerEnded` when its connection is over before.
        """

    def finish(self, timeout_s: float) -> VerdictT_co:
        """Wait for the end of the connection and return what it says of it."""

    def close(self) -> None:
        """End the program and free everything; idempotent."""


@dataclass(frozen=True)
class Program:
    """An installed program a peer is made of."""

    path: str
    version: str


def find_program(
    name: str, version_arguments: Sequence[str], version_pattern: str, install: str
) -> Program:
    """Locate a program and ask it for its version.

    Args:
        name: what to look for in PATH.
        version_arguments: arguments that make it print its version and end.
        version_pattern: regular expression whose first group is the version.
        install: the command that installs it, for the error.

    Raises:
        MissingTool: it is not in PATH.
        PeerError: it does not run, or prints no version.
    """
    path = shutil.which(name)
    if path is None:
        raise MissingTool(name, install)
    done = subprocess.run(
        [path, *version_arguments], capture_output=True, text=True, timeout=30, check=False
    )
    found = re.search(version_pattern, done.stdout + done.stderr)
    if found is None:
        said = (done.stdout + done.stderr).strip()[:200]
        raise PeerError(f"{path} {' '.join(version_arguments)} names no version: {said!r}")
    return Program(path, found.group(1))


class Dialogue:
    """One supervised program, spoken to over its standard input and output.

    Owns the process, the socket pair and the two log files (`<stem>.out`, `<stem>.err`).
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        log_dir: Path,
        stem: str,
        environment: Mapping[str, str] | None = None,
        joined: bool = False,
        name: str | None = None,
    ) -> None:
        """Start the program.

        Args:
            argv: program and arguments.
            log_dir: where the log files go.
            stem: their name without its ending.
            environment: variables besides those of this process.
            joined: its standard error is part of its output, and its log is the output's.
            name: what errors call it; the program's own name by default.
        """
        self.argv = list(argv)
        self._name = name or Path(self.argv[0]).name
        self.output_log = log_dir / f"{stem}.out"
        self.error_log = self.output_log if joined else log_dir / f"{stem}.err"
        ours, theirs = socket.socketpair()
        self._socket = ours
        self._output = self.output_log.open("wb")
        with theirs, ExitStack() as stack:
            errors = theirs if joined else stack.enter_context(self.error_log.open("wb"))
            self.process = supervised(
                self.argv,
                stdin=theirs,
                stdout=theirs,
                stderr=errors,
                env={**os.environ, **(environment or {})},
            )
        self._spawn = pexpect.fdpexpect.fdspawn(ours.fileno())
        self._spawn.logfile_read = self._output

    def expect(self, pattern: bytes, what: str, timeout_s: float) -> re.Match[bytes]:
        """Wait for `pattern` on the program's output and return the match.

        Raises:
            PeerEnded: it ended by itself first.
            PeerError: it was killed, or silent for `timeout_s`.
        """
        found = self.expect_or_end(pattern, what, timeout_s)
        if found is None:
            raise self._ended(what)
        return found

    def expect_or_end(self, pattern: bytes, what: str, timeout_s: float) -> re.Match[bytes] | None:
        """Like `expect`, but return None when the program closed its output by ending normally.

        Raises:
            PeerError: it was killed by a signal, or was silent for `timeout_s`.
        """
        try:
            index = self._expect([pattern, pexpect.EOF], timeout_s)
        except pexpect.TIMEOUT:
            raise self._silent(what, timeout_s) from None
        if index == 0:
            return cast("re.Match[bytes]", self._spawn.match)
        self._exit_status(what, timeout_s)
        return None

    def read(self, size: int, what: str, timeout_s: float) -> bytes:
        """Return exactly `size` bytes of the program's output.

        Raises:
            PeerEnded: it ended by itself first.
            PeerError: it was killed, or they did not come within `timeout_s`.
        """
        match = self.expect(b"(?s).{%d}" % size, what, timeout_s)
        return match.group(0)

    def write(self, data: bytes, timeout_s: float = 30) -> None:
        """Give `data` to the program's standard input; blocks while it does not read.

        Raises:
            PeerEnded: it has ended by itself.
            PeerError: it was killed, or did not read for `timeout_s`.
        """
        self._socket.settimeout(timeout_s)
        try:
            self._socket.sendall(data)
        except TimeoutError:
            raise self._silent(f"it to read {len(data)} bytes", timeout_s) from None
        except OSError as error:
            raise self._ended(f"it to read {len(data)} bytes ({error.strerror})") from None
        finally:
            self._socket.settimeout(None)

    def end_input(self) -> None:
        """Let the program read end-of-file on its standard input."""
        self._socket.shutdown(socket.SHUT_WR)

    def absorb(self) -> None:
        """Read what the program has written so far, so that the log holds it."""
        self._expect([pexpect.TIMEOUT, pexpect.EOF], _ABSORB_S)
        self._output.flush()

    def finish(self, timeout_s: float) -> int:
        """Read the output to its end, so that the log is complete, and return the exit status.

        Raises:
            PeerError: the program was killed by a signal, or runs on after `timeout_s`.
        """
        try:
            self._expect([pexpect.EOF], timeout_s)
        except pexpect.TIMEOUT:
            raise self._silent("it to end", timeout_s) from None
        self._output.flush()
        return self._exit_status("the end of the connection", timeout_s)

    def close(self) -> None:
        """Kill the program if it still runs, wait for it, close everything; idempotent."""
        stop(self.process, grace_s=0)
        if self._socket.fileno() >= 0:
            self._spawn.logfile_read = None
            self._socket.close()
            self._output.close()

    def tail(self) -> str:
        """Return the end of what the program wrote to its standard error."""
        if not self.error_log.is_file():
            return ""
        if not self._output.closed:
            self._output.flush()
        return self.error_log.read_bytes()[-_LOG_TAIL_BYTES:].decode(errors="replace").strip()

    def _expect(self, patterns: list[Any], timeout_s: float) -> int:
        try:
            return int(self._spawn.expect(patterns, timeout=timeout_s))
        except ConnectionResetError:
            # It ended before it had read all its input: told once, then comes the end of file.
            return int(self._spawn.expect(patterns, timeout=timeout_s))

    def _exit_status(self, what: str, timeout_s: float) -> int:
        """Return the status of a program whose output has ended; a signal is a PeerError."""
        try:
            status = self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise self._silent("it to end", timeout_s) from None
        if status < 0:
            raise self._ended(what)
        return status

    def _ended(self, what: str) -> PeerError:
        try:
            self.process.wait(_LAST_WORDS_S)
        except subprocess.TimeoutExpired:
            return PeerError(self._explain(f"closed its output before {what}"))
        kind = PeerError if self.process.returncode < 0 else PeerEnded
        return kind(self._explain(f"{obituary(self.process)} before {what}"))

    def _silent(self, what: str, timeout_s: float) -> PeerError:
        return PeerError(self._explain(f"kept the farm waiting {timeout_s:g} s for {what}"))

    def _explain(self, what_happened: str) -> str:
        tail = self.tail()
        log = f"\nits log {self.error_log} ends:\n{tail}" if tail else ""
        return f"peer {self._name} {what_happened}{log}"
