"""The boards of a lab: which hang where, from `lab.toml`.

A target file says what a kind of board is; the file of a lab says which boards of that kind there
are and what is true of each alone: its port, what switches its power, labels, quarantine. Each
becomes a target of its own, named `<target file>@<name in the lab>`, in place of its kind.

The grammar is checked as that of target files is (`hil.target_file`).
"""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

from hil import plugged, retry_list
from hil.errors import HilError, TargetFileError
from hil.lab import care, far_place
from hil.lab.lease import key_of, places
from hil.target import Place, Target
from hil.target_file import (
    DRIVER_ARGUMENTS,
    TABLES,
    Document,
    Key,
    key_offences,
    parse,
    unknown_key,
)

FILE_NAME = "lab.toml"
FILE_VARIABLE = "HIL_LAB"
_WORDS = r"[a-z0-9]+([._-][a-z0-9]+)*"

# What is a fact of the board's port and firmware, and what tells one plugged-in board from another:
# the lab may say any of it, and wins over the target file.
_BOOT_KEYS = DRIVER_ARGUMENTS["boot", "attached"]
_IDENTIFY_KEYS = TABLES["identify"]
# What says where a board is.
_WHERE = {"port", "place", "place_tags", *plugged.IDENTITY}
BOARD_KEYS: Mapping[str, Key] = {
    "target": Key(str, required=True),
    "labels": Key(list, pattern=_WORDS),
    "quarantine": Key(str),
    **care.KEYS,
    **far_place.KEYS,
    **_BOOT_KEYS,
    **_IDENTIFY_KEYS,
}
LAB_KEYS: Mapping[str, Key] = {"leases": Key(str), "wifi": Key(str), **far_place.LAB_KEYS}


@dataclass(frozen=True)
class Inventory:
    """A lab.

    Attributes:
        boards: by their whole names, as `esp32-devkit@desk-1`.
        leases: folder of the leases of its boards; None for the user's own.
        allowances: which cells may be tried again.
    """

    path: Path
    boards: Mapping[str, Target] = field(repr=False)
    leases: Path | None = None
    allowances: tuple[retry_list.Allowance, ...] = ()

    def among(self, targets: Mapping[str, Target]) -> dict[str, Target]:
        """Return targets with the boards of the lab in place of their kinds, sorted by name."""
        kinds = {board.kind for board in self.boards.values()}
        others = {name: target for name, target in targets.items() if name not in kinds}
        return dict(sorted({**others, **self.boards}.items()))


def find(chosen: Path | None, root: Path) -> Path | None:
    """Return the file of the lab: the chosen one, `$HIL_LAB`, or `lab.toml` in a project's folder.

    None when there is no lab.

    Raises:
        HilError: `$HIL_LAB` or the chosen one is no file.
    """
    named = os.environ.get(FILE_VARIABLE)
    wanted = chosen or (Path(named).expanduser() if named else None)
    if wanted is None:
        usual = root / FILE_NAME
        return usual if usual.is_file() else None
    if not wanted.is_file():
        whose = "--lab" if chosen else f"${FILE_VARIABLE}"
        raise HilError(f"{whose}: there is no file {wanted}; docs/lab.md says what belongs into it")
    return wanted


def load(path: Path, targets: Mapping[str, Target]) -> Inventory:
    """Read the file of a lab.

    Args:
        targets: the kinds of boards there are.

    Raises:
        TargetFileError: the first offence; it names file, line and key.
    """
    document = parse(path)
    for error in offences(document, targets):
        raise error
    boards = {}
    for name, facts in document.table("boards").items():
        board = _board(document, name, cast("dict[str, object]", facts), targets)
        boards[board.name] = board
    lab = Inventory(path, boards, leases_folder(document), retry_list.read(document))
    for error in retry_list.useless(path, lab.allowances, lab.among(targets)):
        raise error
    return lab


def leases_folder(document: Document) -> Path | None:
    """Return where a lab wants the leases of its boards; None where it does not say."""
    return _path_in_lab(document, "leases")


def _path_in_lab(document: Document, key: str) -> Path | None:
    lab = document.values.get("lab")
    said = lab.get(key) if isinstance(lab, dict) else None
    # Relative to the file, so that it means the same from any folder.
    if not isinstance(said, str):
        return None
    return document.path.resolve().parent / Path(said).expanduser()


def add_option(parser: argparse.ArgumentParser) -> None:
    """Add `--lab` to a subcommand of `hil`."""
    parser.add_argument(
        "--lab",
        type=Path,
        metavar="FILE",
        help=f"which boards hang where (default: ${FILE_VARIABLE}, or {FILE_NAME} here)",
    )


def add_target_options(parser: argparse.ArgumentParser) -> None:
    """Add `--target-dir` and `--lab` to a subcommand of `hil` that is about targets."""
    parser.add_argument(
        "--target-dir",
        action="append",
        default=[],
        type=Path,
        metavar="DIR",
        help="folder with target files of your own boards; repeatable",
    )
    add_option(parser)


def with_lab(chosen: Path | None, root: Path, targets: Mapping[str, Target]) -> dict[str, Target]:
    """Return targets with the boards of the lab among them, if `find` finds one."""
    path = find(chosen, root)
    return dict(targets) if path is None else load(path, targets).among(targets)


def _board(
    document: Document, name: str, facts: Mapping[str, object], kinds: Mapping[str, Target]
) -> Target:
    kind = kinds[str(facts["target"])]
    arguments = {**kind.boot.arguments}
    far = far_place.read(document, facts)
    if far is not None or any(key in plugged.IDENTITY for key in facts):
        arguments.pop("port", None)  # it is found by what it is, or its place has one
    arguments.update((key, value) for key, value in facts.items() if key in _BOOT_KEYS)
    identity = {key: value for key, value in facts.items() if key in _IDENTIFY_KEYS}
    quarantine = facts.get("quarantine")
    return replace(
        kind,
        name=f"{kind.name}@{name}",
        boot=replace(kind.boot, arguments=arguments),
        identify={**kind.identify, **identity},
        place=Place(
            document.path,
            far=far,
            wifi=_path_in_lab(document, "wifi"),
            labels=tuple(cast("list[str]", facts.get("labels", []))),
            quarantine=None if quarantine is None else str(quarantine),
            **care.read(document.path, facts),
        ),
    )


def offences(document: Document, targets: Mapping[str, Target]) -> Iterator[TargetFileError]:
    """Yield everything that is wrong with the file of a lab."""
    for name, value in document.values.items():
        if name == retry_list.TABLE:
            yield from retry_list.offences(document)
        elif name not in ("lab", "boards"):
            yield document.error((name,), unknown_key(name, ["boards", retry_list.TABLE, "lab"]))
        elif not isinstance(value, dict):
            yield document.error((name,), f"must be a table [{name}], not {value!r}")
    lab = document.values.get("lab")
    if isinstance(lab, dict):
        yield from key_offences(document, ("lab",), lab, LAB_KEYS)
    boards = document.values.get("boards")
    if not isinstance(boards, dict):
        if boards is None:
            yield document.error(("boards",), "missing; add a table [boards.<name>] for each board")
        return
    for name, facts in boards.items():
        yield from _board_offences(document, name, facts, targets)
    yield from _same_ports(document, boards)


def _board_offences(
    document: Document, name: str, facts: object, targets: Mapping[str, Target]
) -> Iterator[TargetFileError]:
    place = ("boards", name)
    if not isinstance(facts, dict):
        yield document.error(place, f"must be a table [boards.{name}], not {facts!r}")
        return
    if re.fullmatch(_WORDS, name) is None:
        yield document.error(place, f"the name of a board has the form {_WORDS}")
    yield from key_offences(document, place, facts, BOARD_KEYS)
    kind = facts.get("target")
    if not isinstance(kind, str):
        return
    if kind not in targets:
        problem = unknown_key(kind, list(targets)).replace("unknown key", "no such target file")
        yield document.error((*place, "target"), problem)
        return
    target = targets[kind]
    yield from care.offences(document, place, facts, target)
    yield from far_place.offences(document, place, facts)
    if target.klass != "attached":
        for key in facts:
            if key in _BOOT_KEYS or key in far_place.KEYS:
                problem = f"{kind} is {target.klass}: only boards on a cable have one"
                yield document.error((*place, key), problem)
    elif not _WHERE & {*facts, *target.boot.arguments}:
        yield document.error((*place, "port"), "missing; `hil probe` shows what is plugged in")


def _same_ports(document: Document, boards: Mapping[str, object]) -> Iterator[TargetFileError]:
    first: dict[str, str] = {}
    plugged_in = places()
    for name, facts in boards.items():
        if not isinstance(facts, dict):
            continue
        port, place = facts.get("port"), far_place.key_of(document, facts)
        usb_path = facts.get("usb_path") if port is None else None
        link = plugged.links_folder() / "by-path" / Path(str(usb_path)).name
        for word, key in (
            ("port", key_of(port, known=plugged_in) if isinstance(port, str) else None),
            ("usb_path", key_of(str(link), known=plugged_in) if usb_path else None),
            ("place", place),
        ):
            other = name if key is None else first.setdefault(key, name)
            if other != name:
                yield document.error(("boards", name, word), f"is the {word} of {other} too")
