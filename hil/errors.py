"""The farm's errors: each says what went wrong, where, and what to do next.

Every error a user can meet derives from `HilError`, so that the command line and the pytest
plugin can print its message without a traceback. A programming mistake is never a `HilError`.
"""

from __future__ import annotations

from pathlib import Path


class HilError(Exception):
    """Something a user can act on; the message is complete by itself."""


class TargetFileError(HilError):
    """A target file, or the file of a lab, says something the farm does not understand."""

    def __init__(self, path: Path, line: int | None, key: str, problem: str) -> None:
        place = f"{path}:{line}" if line is not None else str(path)
        super().__init__(f"{place}: {key}: {problem}")
        self.path = path
        self.line = line
        self.key = key


class MissingTool(HilError):
    """A program or package the machine lacks, with the command that installs it."""

    def __init__(self, what: str, install: str) -> None:
        super().__init__(f"{what} is not installed; install it with: {install}")
        self.what = what
        self.install = install


class BuildError(HilError):
    """A firmware image could not be made."""


class BootError(HilError):
    """A board did not come up; the message ends with the tail of its console."""


class InfraError(BootError):
    """What stands between run and board fails, and not the board: its port's server, a switch."""


class BoardUnwell(BootError):
    """A board does not come to its REPL, or fails there: to be healed, if there is a way."""


class WrongFirmware(BootError):
    """A board answers, but runs something else than it should: only other firmware heals that."""


class BoardWedged(BootError):
    """A board that nothing has healed; the message says what was tried."""


class BoardDied(HilError):
    """A booted board stopped existing: its emulator ended or its console closed."""


class BoardHang(HilError):
    """A board did not answer within its time; the message ends with the tail of its console."""


class BoardLocked(HilError):
    """Somebody else has the board; the message says who, and since when."""


class JobFailed(HilError):
    """A job on the board raised an exception.

    Attributes:
        kind: the exception's class name on the board.
        detail: the exception's own text.
        board_traceback: the traceback as the board printed it.
        is_out_of_memory: the heap was too small, which says nothing about the code it ran.
    """

    def __init__(self, kind: str, detail: str, board_traceback: str, tail: str = "") -> None:
        """Make the error.

        Args:
            tail: the end of the board's console, to be the end of the message.
        """
        super().__init__(f"{kind}: {detail}\n{board_traceback}".rstrip() + tail)
        self.kind = kind
        last_line = board_traceback.rstrip().rpartition("\n")[2]
        self.is_out_of_memory = kind == "MemoryError" or last_line.startswith("MemoryError")
        self.detail = detail
        self.board_traceback = board_traceback


class LinkError(HilError):
    """The bytes between a board and its peer could not be carried."""


class PeerError(HilError):
    """A reference peer could not be started, died, or said something unreadable."""
