"""Which cells may be tried again after they failed: the tables `[[flaky]]` of a lab's file.

A cell that sometimes fails hides what is wrong with it as soon as it is simply tried again. So a
cell is only retried if somebody said so by name, for a reason, until a day: an entry that names no
end is refused, and one whose day is over counts for nothing.

What this file does not do: retry (`hil.retry_plugin` does).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from fnmatch import fnmatchcase
from pathlib import Path

from hil import target
from hil.errors import TargetFileError
from hil.target import Target, TargetSelectionError
from hil.target_file import Document, Key, key_offences, unknown_key

TABLE = "flaky"
_UNTIL = "until"
_KEYS: Mapping[str, Key] = {
    "target": Key(str, required=True),
    "peer": Key(str),
    "scenario": Key(str, required=True),
    "reason": Key(str, required=True),
    "allowed_by": Key(str, required=True),
}
_HEAD = re.compile(r"\s*\[")
_OWN_HEAD = re.compile(rf"\s*\[\[\s*{TABLE}\s*\]\]")


@dataclass(frozen=True)
class Allowance:
    """Cells that may be tried again.

    Attributes:
        target: which boards, as `--target` says it.
        peer, scenario: which of their cells; globs.
        reason: why they are known to fail now and then.
        allowed_by: who answers for it.
        until: the last day on which it holds.
        line: of its table in the file.
    """

    target: str
    peer: str
    scenario: str
    reason: str
    allowed_by: str
    until: date
    line: int

    def __str__(self) -> str:
        return f"allowed by {self.allowed_by} until {self.until}: {self.reason}"

    def covers(self, board: Target, peer: str | None, scenario: str) -> bool:
        """Whether a cell is one of these, the day apart."""
        if not (fnmatchcase(peer or "", self.peer) and fnmatchcase(scenario, self.scenario)):
            return False
        try:
            target.select([self.target], {board.name: board})
        except TargetSelectionError:
            return False
        return True

    def holds_on(self, day: date) -> bool:
        """Whether it counts on a day."""
        return day <= self.until


def best(
    allowances: Iterable[Allowance], board: Target, peer: str | None, scenario: str
) -> Allowance | None:
    """Return the allowance of a cell that holds longest; None if it has none at all."""
    covering = [entry for entry in allowances if entry.covers(board, peer, scenario)]
    return max(covering, key=lambda entry: entry.until, default=None)


def offences(document: Document) -> Iterator[TargetFileError]:
    """Yield everything that is wrong with the tables of a file."""
    entries = document.values.get(TABLE, [])
    parts = list(_parts(document))
    if not isinstance(entries, list) or len(entries) != len(parts):
        yield document.error((TABLE,), f"must be tables [[{TABLE}]], one for each entry")
        return
    for entry, (_, part) in zip(entries, parts, strict=True):
        for name in entry:
            if name not in _KEYS and name != _UNTIL:
                yield part.error((TABLE, name), unknown_key(name, [*_KEYS, _UNTIL]))
        own = {name: value for name, value in entry.items() if name in _KEYS}
        yield from key_offences(part, (TABLE,), own, _KEYS)
        until = entry.get(_UNTIL)
        if isinstance(until, datetime) or not isinstance(until, date):
            given = "missing; it takes" if until is None else f"{until!r} is not"
            problem = f"{given} a day without quotes, as 2031-12-24: nothing is allowed for ever"
            yield part.error((TABLE, _UNTIL), problem)


def read(document: Document) -> tuple[Allowance, ...]:
    """Return the entries of a file without offences."""
    entries = document.values.get(TABLE, [])
    assert isinstance(entries, list)
    return tuple(
        Allowance(line=line, **{"peer": "*", **entry})
        for entry, (line, _) in zip(entries, _parts(document), strict=True)
    )


def useless(
    path: Path, allowances: Iterable[Allowance], targets: Mapping[str, Target]
) -> Iterator[TargetFileError]:
    """Yield an error for each entry whose boards do not exist: it would silently do nothing."""
    for entry in allowances:
        try:
            target.select([entry.target], targets)
        except TargetSelectionError as error:
            yield TargetFileError(path, entry.line, f"{TABLE}.target", str(error))


def _parts(document: Document) -> Iterator[tuple[int, Document]]:
    """Yield the line of each entry, and the file as if that entry were its only table.

    The lines of errors come from the text, where entries of one name are not told apart.
    """
    lines = document.text.splitlines()
    for index, line in enumerate(lines):
        if _OWN_HEAD.match(line):
            after = range(index + 1, len(lines))
            end = next((other for other in after if _HEAD.match(lines[other])), len(lines))
            text = "\n".join([*[""] * index, f"[{TABLE}]", *lines[index + 1 : end]])
            yield index + 1, Document(document.path, text, document.values)
