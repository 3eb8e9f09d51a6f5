"""What becomes of the cells of a test that was tried more than once.

The first failure is what tells what is wrong, so nothing of it is lost: its verdict and reason stay
in the cell, its artefacts in a folder of their own. A cell that passed after all is `flaky`,
never `pass`; one that failed every time keeps the verdict of its last attempt. An attempt that
could not be made (the board was locked, or wedged) takes nothing back.

Works on documents, as finished cells travel (`hil.rig.Sent`); knows nothing of pytest, which
`hil.retry_plugin` does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from hil import cells, footprint
from hil.document import Document
from hil.retry_list import Allowance

_Key = tuple[str, str | None, str]


@dataclass
class Attempts:
    """The failed attempts of one test so far.

    Args:
        most: how many attempts there may be.
        directory: the report's folder.
    """

    most: int
    directory: Path
    _failed: dict[_Key, list[Document]] = field(default_factory=dict)
    _allowances: dict[_Key, Allowance] = field(default_factory=dict)
    _artefacts: dict[_Key, dict[str, str]] = field(default_factory=dict)
    made: int = 0

    def set_aside(
        self,
        documents: Sequence[Document],
        allowance_of: Callable[[Document], Allowance | None],
        said: str,
    ) -> None:
        """Keep an attempt that failed: move its artefacts out of the way of the next one's.

        Args:
            documents: the cells of the attempt; their artefacts are changed to where they are now.
            allowance_of: returns why a cell may be tried again.
            said: what pytest says of the failure.

        Raises:
            OSError: the files cannot be moved.
        """
        self.made += 1
        folder = f"attempt-{self.made}"
        for cell in documents:
            cell["artefacts"] = {
                name: self._moved(path, folder) for name, path in cell["artefacts"].items()
            }
            allowance = allowance_of(cell) if failed(cell["verdict"]) else None
            if allowance is None:
                continue
            cell["artefacts"]["failure"] = self._told(cell, folder, said)
            key = _key(cell)
            self._allowances[key] = allowance
            was = {"verdict": cell["verdict"], "reason": cell["reason"]}
            self._failed.setdefault(key, []).append(was)
            kept = self._artefacts.setdefault(key, {})
            kept.update({f"{folder}/{name}": path for name, path in cell["artefacts"].items()})

    def conclude(self, documents: Sequence[Document]) -> list[str]:
        """Give the cells of the last attempt the verdict of all, and what the others left.

        Returns:
            What to tell of each cell that is flaky, in a line.
        """
        told = []
        for cell in documents:
            before = self._failed.get(_key(cell))
            if before is None:
                continue
            cell["attempts"] = len(before) + 1
            cell["failed_attempts"] = before
            cell["artefacts"] = {**cell["artefacts"], **self._artefacts[_key(cell)]}
            if cell["verdict"] == "pass":
                allowance = self._allowances[_key(cell)]
                first = f"{before[0]['verdict']}: {footprint.first_line(before[0]['reason'])}"
                passed = f"passed on attempt {cell['attempts']} of {self.most}; the first: {first}"
                cell["verdict"], cell["reason"] = "flaky", f"{passed}\nretries {allowance}"
                name = "-".join(part for part in _key(cell) if part)
                told.append(f"flaky: {name} {passed} (retries {allowance})")
        return told

    def _moved(self, path: str, folder: str) -> str:
        was = PurePosixPath(path)
        now = was.parent / folder / was.name
        (self.directory / now).parent.mkdir(parents=True, exist_ok=True)
        (self.directory / was).replace(self.directory / now)
        return now.as_posix()

    def _told(self, cell: Document, folder: str, said: str) -> str:
        """Write down what is known of a failure, and return where."""
        name = "-".join(part for part in _key(cell) if part)
        path = PurePosixPath("artefacts") / name / folder / "failure.txt"
        parts = [f"{cell['verdict']}: {cell['reason']}", cell.get("explanation"), said]
        (self.directory / path).parent.mkdir(parents=True, exist_ok=True)
        text = "\n\n".join(part for part in parts if part)
        (self.directory / path).write_text(text + "\n", encoding="utf-8")
        return path.as_posix()


def failed(verdict: str | None) -> bool:
    """Whether a cell with this verdict may be tried again, if somebody allows it."""
    return verdict is not None and cells.outcome_of(verdict) == "failed"


def was_made(documents: Sequence[Document]) -> bool:
    """Whether an attempt says anything of the cells: it does not if no board could be had."""
    return any(cell["verdict"] in cells.EXECUTED for cell in documents)


def _key(cell: Document) -> _Key:
    return cell["target"], cell["peer"], cell["scenario"]
