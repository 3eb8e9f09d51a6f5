"""What the file of a lab says of how a board may be healed: its switch, its firmware, a permission.

`hil.heal` does it.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypedDict, cast

from hil.errors import TargetFileError
from hil.target import Target
from hil.target_file import Document, Key
from hil.toml_lines import KeyPath

ACTION = "{action}"
KEYS: Mapping[str, Key] = {
    "power": Key(str, or_list=True),
    "firmware": Key(str),
    "reflash": Key(bool),
}


class Care(TypedDict):
    """What `hil.target.Place` has of it."""

    power: tuple[str, ...]
    firmware: Path | None
    reflash: bool


def read(path: Path, facts: Mapping[str, object]) -> Care:
    """Return what a lab says of one board.

    Args:
        path: of the lab's file, which a file of firmware is relative to.
        facts: the board's table, checked.
    """
    firmware = facts.get("firmware")
    named = None if firmware is None else path.resolve().parent / Path(str(firmware)).expanduser()
    return Care(
        power=tuple(_words(facts.get("power", []))),
        firmware=named,
        reflash=bool(facts.get("reflash", False)),
    )


def offences(
    document: Document, place: KeyPath, facts: Mapping[str, object], target: Target
) -> Iterator[TargetFileError]:
    """Yield what is wrong across the keys of one board."""
    power = facts.get("power")
    if isinstance(power, (str, list)):
        try:
            words = _words(power)
        except ValueError as error:
            yield document.error((*place, "power"), f"is no command: {error}")
        else:
            if not any(ACTION in word for word in words[1:]):
                problem = f"must have {ACTION} in an argument, which becomes `off` or `on`"
                yield document.error((*place, "power"), problem)
    if facts.get("reflash") is True and "firmware" not in facts:
        problem = "needs the key `firmware`, the file to put on the board"
        yield document.error((*place, "reflash"), problem)
    if facts.get("reflash") is True and not target.flash:
        problem = f"{target.path.name} has no [flash], which says how"
        yield document.error((*place, "reflash"), problem)


def _words(power: object) -> list[str]:
    return shlex.split(power) if isinstance(power, str) else [*cast("list[str]", power)]
