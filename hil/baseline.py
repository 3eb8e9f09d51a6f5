"""The end of a run: compare it with an earlier one, `--baseline FILE|latest|latest-good`.

A baseline that is a file is read before the run begins: a wrong name must not cost an hour. The
latest one is looked for before this run's report is written, which may take the place of an earlier
one. A first run has no latest report, which is said and is no failure; everything else that keeps a
run from being compared is, because a gate that does not look must not be green.

Against the latest run whatever came of it, a regression is reported once and then is the new
normal; against the latest good one it fails every run until it is gone, or until a run without a
baseline (`none`) has passed and is the good one from then on.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hil import document, history
from hil.compare import Comparison, Gates, compare
from hil.document import Document
from hil.errors import HilError

# Where the terminal has the figures, and a report of the run does not.
SHOWN_ABOVE = ", shown above"

LATEST, LATEST_GOOD, NONE = "latest", "latest-good", "none"


class Baseline:
    """An earlier run, and what this one is compared with it for.

    Args:
        wanted: a report, its folder, `latest`, or `latest-good`.
        fail_on: what counts as a regression, as `hil compare --fail-on` has it.
        folders: where earlier reports are.

    Attributes:
        comparison: the outcome; None when there was none.
        note: why there is no comparison, where that is no failure.

    Raises:
        HilError: the report cannot be read, or what counts as a regression not understood.
    """

    def __init__(self, wanted: str, fail_on: Sequence[str], folders: Sequence[Path]) -> None:
        self._folders = list(dict.fromkeys(folders))
        self._gates = Gates(fail_on)
        self._wanted = wanted
        self._is_latest = wanted in (LATEST, LATEST_GOOD)
        self._report = None if self._is_latest else document.read(Path(wanted))
        self.comparison: Comparison | None = None
        self.note: str | None = None

    def require_mode(self, mode: str) -> None:
        """Refuse a report whose figures are of something else than those of a run of this mode.

        Raises:
            HilError: one is of a replay and the other is not.
        """
        if self._report is not None and (was := self._report["run"].get("mode", "live")) != mode:
            name = self._report["run"]["id"]
            raise HilError(f"{name} is a {was} run, this one a {mode} run: they cannot be compared")

    def find(self, run_id: str, mode: str, cells: Sequence[Document]) -> None:
        """Look for the latest report, if that is the one; before this run's own is written."""
        if self._is_latest:
            run = {"id": run_id, "mode": mode}
            is_good = self._wanted == LATEST_GOOD
            self._report = history.latest(self._folders, run, cells, good=is_good)

    def judge(self, report: Document) -> str | None:
        """Compare, and return why the run must fail; None when it need not."""
        if self._report is None:
            where = " or ".join(str(folder) for folder in self._folders)
            what = report["run"].get("mode", "live") + " run with any of these cells"
            what += " that passed" if self._wanted == LATEST_GOOD else ""
            self.note = f"no baseline yet: no earlier {what} in {where}"
            return None
        try:
            self.comparison = compare(self._report, report, self._gates)
        except HilError as error:
            return f"could not be compared with the baseline: {error}"
        if not self.comparison.failed:
            return None
        found = len(self.comparison.broken) + len(self.comparison.regressions)
        what = "regression" if found == 1 else "regressions"
        return f"{found} {what} against the baseline {self._report['run']['id']}{SHOWN_ABOVE}"
