"""Asks a board which code its core computes each primitive with, for the report.

The core itself knows (`tlscore.crypto.backends`, known-answer tests included). It is asked behind
the figures of a cell, so that none of them changes; what asks is sent as source, and an image that
has no room for the core's own account of it (`tlscore.crypto.back_ends`) is sent that as well. One
board of a firmware is asked for all: the answer follows from firmware and core.
"""

from __future__ import annotations

from pathlib import Path

import tlscore.crypto
from hil import build, image
from hil.boot import Board
from hil.errors import HilError, JobFailed

_MODULE = "hil_back_ends"
_ACCOUNT = "back_ends.py"
_JOB = "\n\ndef job(_link):\n    return used()\n"
_TIMEOUT_S = 30

# Name and firmware of a target -> what it said: a twentieth of a second for each cell otherwise.
_answers: dict[tuple[str, str], dict[str, str]] = {}


def asked(board: Board) -> dict[str, str] | None:
    """Return primitive -> "portable" or the kind of machine code.

    None where the core is not in the firmware (a native stack, modules on a file system, of which
    there may be other ones than here), and where the board has no memory left to answer.

    Raises:
        HilError: the board hangs or died, or raised something else.
    """
    target = board.target
    if target.stack == "native" or target.image not in build.available():
        return None
    known = target.name, board.firmware.sha256
    if known in _answers:
        return _answers[known]
    if not build.modules_of(image.load(target.image)):
        return None
    try:
        board.install(_MODULE, source())
        found = board.call(f"{_MODULE}:job", timeout_s=_TIMEOUT_S)
    except JobFailed as error:
        if error.is_out_of_memory:
            return None
        raise
    if not isinstance(found, dict):
        raise HilError(f"{target.name}: tlscore.crypto.back_ends answered {found!r}")
    _answers[known] = {str(name): str(found[name]) for name in sorted(found)}
    return _answers[known]


def source() -> str:
    """Return the core's account of its back ends as a job."""
    # The same text as in the firmware, for those that have it: one way for all boards.
    path = Path(tlscore.crypto.__file__).with_name(_ACCOUNT)
    return path.read_text(encoding="utf-8") + _JOB
