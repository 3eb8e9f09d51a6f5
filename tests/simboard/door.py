"""The door to a running simulated board, for what a hand or a switch does to it: a unix socket.

One word a connection, one line back. `Door` is the board's end, `ask` everybody else's, and so is
this file as a program: `python tests/simboard power DOOR off|on|repair`.
"""

from __future__ import annotations

import argparse
import socket
import sys
from collections.abc import Callable
from pathlib import Path

_PATIENCE_S = 10.0
_LINE_BYTES = 256


class Door:
    """The board's end.

    Args:
        path: of the socket, short (sun_path has 108 bytes); made, and removed by `close`.
        obey: does what a word asks for; raises ValueError for one that means nothing.
    """

    def __init__(self, path: Path, obey: Callable[[str], None]) -> None:
        self._path = path
        self._obey = obey
        self._server = socket.socket(socket.AF_UNIX)
        path.unlink(missing_ok=True)  # of a board that was killed
        self._server.bind(str(path))
        self._server.listen()

    def fileno(self) -> int:
        """Return the descriptor that is readable when somebody has come."""
        return self._server.fileno()

    def answer(self) -> None:
        """Serve one who has come."""
        visitor, _ = self._server.accept()
        with visitor:
            visitor.settimeout(_PATIENCE_S)
            try:
                self._obey(visitor.recv(_LINE_BYTES).decode().strip())
                visitor.sendall(b"done\n")
            except ValueError as error:
                visitor.sendall(f"{error}\n".encode())
            except OSError:
                return  # the visitor has gone

    def close(self) -> None:
        """Wall it up."""
        self._server.close()
        self._path.unlink(missing_ok=True)


def ask(path: Path, word: str) -> str:
    """Say a word at a door; return what is said back, "" if it was obeyed."""
    with socket.socket(socket.AF_UNIX) as knock:
        knock.settimeout(_PATIENCE_S)
        knock.connect(str(path))
        knock.sendall(f"{word}\n".encode())
        said = knock.recv(_LINE_BYTES).decode().strip()
    return "" if said == "done" else said or "the door was slammed"


def main(arguments: list[str] | None = None) -> int:
    """Knock at the door of a board; return the exit status."""
    parser = argparse.ArgumentParser(prog="simboard power")
    parser.add_argument("door", type=Path, metavar="DOOR")
    parser.add_argument("action", choices=("off", "on", "repair"))
    options = parser.parse_args(arguments)
    try:
        problem = ask(options.door, options.action)
    except OSError as error:
        problem = f"{options.door}: nobody is there: {error}"
    sys.stderr.write(f"{problem}\n" if problem else "")
    return 1 if problem else 0


if __name__ == "__main__":
    sys.exit(main())
