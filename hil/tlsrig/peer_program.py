"""What peers that are command-line programs share: their life, their logs, several connections.

One program serves or makes one connection or several, one after the other. What it prints and logs
just grows, so for each file it is remembered where the present connection begins: `said` returns
what came since, `end_connection` moves on. What a program says there, and how it is told what to
do, is the business of the peer's own module.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from hil.errors import PeerError
from hil.peer import Dialogue, Program
from hil.process import obituary

# How often a file or socket is looked at that nobody tells of.
POLL_S = 0.01
# State of a listening socket in /proc/net/tcp.
_TCP_LISTEN = "0A"


class ProgramPeer:
    """A peer made of one program at a time, driven through its standard input and output.

    Attributes:
        name: of the peer, as test ids and reports show it.
        command: what the program is called in messages and its files; a class attribute.
        joined: its standard error is part of its output.
        known_as: what errors call it; the program's own name by default.
        closes_first: as `hil.tlsrig.peers.TlsPeer` has it.
    """

    name: str
    command: str
    joined = False
    known_as: str | None = None
    closes_first = False

    def __init__(self, installed: Program, log_dir: Path, connections: int) -> None:
        """Make a peer that is not started yet.

        Args:
            installed: the program.
            log_dir: where its files go.
            connections: how many it serves or makes.
        """
        self._program = installed
        self._log_dir = log_dir
        self._key_log = log_dir / f"{self.command}.keylog"
        self._dialogue: Dialogue | None = None
        self._address: tuple[str, int] | None = None
        self._exporter: bytes | None = None
        self._connections_left = connections
        self._began: dict[Path, int] = {}

    @property
    def address(self) -> tuple[str, int]:
        """Where a client connects to; of a server, where it listens once it has been started."""
        if self._address is None:
            raise PeerError(f"{self.name} {self.command} was not started")
        return self._address

    @property
    def version(self) -> str:
        return self._program.version

    @property
    def pid(self) -> int:
        """Process id of the running program."""
        return self._talk().process.pid

    @property
    def artefacts(self) -> Mapping[str, Path]:
        files = {"key_log": self._key_log}
        if self._dialogue is not None:
            files["peer_output"] = self._dialogue.output_log
            files["peer_errors"] = self._dialogue.error_log
        return files

    def next_connection(self) -> None:
        """Go on to the next connection: most programs are ready for it by themselves."""

    def end_input(self) -> None:
        """Close its standard input."""
        self._talk().end_input()

    def end_after(self, farewell: bytes, timeout_s: float) -> None:  # noqa: ARG002
        raise PeerError(f"{self.name} {self.command} does not close first")

    def abandon(self) -> None:
        """End the program from another thread: whoever waits for it learns that it is gone."""
        if self._dialogue is not None:
            self._dialogue.process.kill()

    def close(self) -> None:
        if self._dialogue is not None:
            self._dialogue.close()

    def _launch(
        self,
        arguments: list[str],
        stem: str | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Dialogue:
        """Start the program; its logs are called `stem`, or like the command."""
        self._dialogue = Dialogue(
            [self._program.path, *arguments],
            log_dir=self._log_dir,
            stem=stem or self.command,
            environment=environment,
            joined=self.joined,
            name=self.known_as,
        )
        return self._dialogue

    def _talk(self) -> Dialogue:
        if self._dialogue is None:
            raise PeerError(f"{self.name} {self.command} was not started")
        return self._dialogue

    def _said(self, path: Path) -> bytes:
        """Return what a file has got since the present connection began."""
        return path.read_bytes()[self._began.get(path, 0) :]

    def _await_closed(self, timeout_s: float) -> None:
        """Wait until a server has closed the socket of its connection.

        Raises:
            PeerError: it did not in time, or has ended.
        """
        dialogue = self._talk()
        deadline = time.monotonic() + timeout_s
        while any(state != _TCP_LISTEN for _, state in _tcp_sockets(self.pid)):
            if time.monotonic() > deadline:
                raise PeerError(f"{self.command} kept its connection open for {timeout_s:g} s")
            time.sleep(POLL_S)
        if dialogue.process.poll() is not None:
            raise PeerError(f"peer {self.command} {obituary(dialogue.process)}\n{dialogue.tail()}")

    def _listening_port(self) -> int:
        """Return the port that a server listens on, as the kernel has it."""
        ports = [port for port, state in _tcp_sockets(self.pid) if state == _TCP_LISTEN]
        if not ports:
            raise PeerError(f"{self.command} says that it listens, but the kernel has no socket")
        return ports[0]

    def _end_connection(self, *logs: Path) -> None:
        """Let what comes from now on in these files be the next connection's."""
        self._exporter = None
        self._began.update({path: path.stat().st_size for path in logs})


def udp_ports(pid: int) -> list[int]:
    """Return the local ports of a process's IPv4 sockets for datagrams."""
    return [port for port, _ in _sockets(pid, "udp")]


def _tcp_sockets(pid: int) -> list[tuple[int, str]]:
    """Return local port and state of each IPv4 socket of a process; none when it has ended."""
    return _sockets(pid, "tcp")


def _sockets(pid: int, protocol: str) -> list[tuple[int, str]]:
    inodes = _socket_inodes(pid)
    rows = [
        line.split() for line in Path(f"/proc/net/{protocol}").read_text("ascii").splitlines()[1:]
    ]
    return [(int(row[1].partition(":")[2], 16), row[3]) for row in rows if row[9] in inodes]


def _socket_inodes(pid: int) -> set[str]:
    """Return the inodes of a process's open sockets (proc(5)); none when it has ended."""
    found = set()
    with suppress(FileNotFoundError, ProcessLookupError):
        for descriptor in list(Path(f"/proc/{pid}/fd").iterdir()):
            with suppress(FileNotFoundError):  # closed since it was listed
                target = str(descriptor.readlink())
                if target.startswith("socket:["):
                    found.add(target[len("socket:[") : -1])
    return found
