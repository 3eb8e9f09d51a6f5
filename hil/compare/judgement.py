"""Pairs the figures of two reports, judges each pair, and names everything that has no partner.

Nothing is dropped: a cell, a figure or a board that only one report has, another firmware, another
version of a peer, a changed verdict and a figure measured in another way are *differences*, each a
line of words. Figures that both reports have become *changes*, judged by what their method's noise
allows (`hil.compare.noise`) and by the gates (`hil.compare.gates`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from hil.compare import noise
from hil.compare.figures import Figure, NotComparable, Place, Sheet, is_component, sheet
from hil.compare.gates import Gates
from hil.document import Document

PASSED = frozenset({"pass", "flaky"})
FAILED = frozenset({"fail", "hang", "error"})

# Judgements of a change; all but the first let the comparison end well.
REGRESSION, GROWTH, IMPROVEMENT = "regression", "more", "less"
NOISE, SAME, UNDECIDED = "noise", "same", "undecided"

# Facts of a board that figures depend on.
_BOARD_FACTS = ("class", "cpu", "isa", "endian", "word_bits", "clock_hz", "ram_bytes")


@dataclass(frozen=True)
class Change:
    """A figure that both reports have.

    Attributes:
        kind: of its method, see `hil.compare.noise`.
        allowed: what may be noise, in the figure's unit; None when nobody can tell.
        tolerance: what the gate lets pass beside that; None without a gate.
        judgement: one of the above.
    """

    place: Place
    name: str
    unit: str
    kind: str
    before: float
    after: float
    allowed: float | None
    tolerance: float | None
    judgement: str

    @property
    def amount(self) -> float:
        """How much more it is, in the figure's unit; below 0 it is less."""
        return self.after - self.before

    @property
    def percent(self) -> float | None:
        """The same in percent of the earlier value; None where that is 0."""
        return 100 * self.amount / self.before if self.before else None


@dataclass
class Comparison:
    """The outcome.

    Attributes:
        before, after: the two runs' own facts.
        gates: what counted as a regression, as the user wrote it.
        changes: all figures that both have, in the order of the later report.
        differences: whatever else differs, in words.
        broken: regressions that are no figures, in words: cells that passed and now do not.
        common_cells: how many cells both reports have.
    """

    before: Document
    after: Document
    gates: str
    changes: list[Change] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    common_cells: int = 0

    @property
    def regressions(self) -> list[Change]:
        """The figures that grew more than the gates allow."""
        return [change for change in self.changes if change.judgement == REGRESSION]

    @property
    def failed(self) -> bool:
        """Whether there is any regression."""
        return bool(self.broken or self.regressions)


def compare(before: Document, after: Document, gates: Gates | None = None) -> Comparison:
    """Compare two reports.

    Args:
        before: the earlier one, which is taken for good.
        after: the later one, which is judged.
        gates: what counts as a regression; everything when None.

    Raises:
        NotComparable: one is a replay and the other is not, they have no cell in common, or a gate
            names no figure they have in common.
    """
    gates = gates or Gates()
    old, new = sheet(before), sheet(after)
    if old.mode != new.mode:
        raise NotComparable(
            f"{old.run['id']} is a {old.mode} run and {new.run['id']} a {new.mode} run: their "
            "figures are not of the same thing"
        )
    common = [place for place in new.cells if place in old.cells]
    if not common:
        raise NotComparable(
            f"{old.run['id']} and {new.run['id']} have no cell in common: "
            f"{_some(old.cells)} here, {_some(new.cells)} there"
        )
    outcome = Comparison(old.run, new.run, gates.text, common_cells=len(common))
    outcome.differences.extend(_run_differences(old, new))
    boards = list(dict.fromkeys(place.board for place in common))
    for place in boards:
        outcome.differences.extend(_board_differences(place, old, new))
    _compare_verdicts(outcome, old, new, gates)
    for place in [*boards, *common]:
        _compare_figures(outcome, place, old, new, gates)
    outcome.differences = list(dict.fromkeys(outcome.differences))
    gates.require_known(change.name for change in outcome.changes)
    return outcome


def _run_differences(old: Sheet, new: Sheet) -> Iterator[str]:
    for run in (old.run, new.run):
        if run["interrupted"]:
            yield f"run {run['id']} was interrupted: it lacks cells"
    for program, version in new.run["versions"].items():
        earlier = old.run["versions"].get(program)
        if earlier != version:
            yield f"{program} is {version}, was {earlier or 'not named'}"


def _board_differences(place: Place, old: Sheet, new: Sheet) -> Iterator[str]:
    name = place.target
    earlier, later = old.targets.get(name, {}), new.targets.get(name, {})
    for fact in _BOARD_FACTS:
        if earlier.get(fact) != later.get(fact):
            yield f"{name}: {fact} is {later.get(fact)}, was {earlier.get(fact)}"
    was, now = earlier.get("firmware") or {}, later.get("firmware") or {}
    for fact in ("image", "micropython"):
        if was.get(fact) != now.get(fact):
            yield f"{name}: {fact} is {now.get(fact)}, was {was.get(fact)}"
    hashes = [facts.get("image_sha256", "none")[:12] for facts in (was, now)]
    if hashes[0] != hashes[1]:
        yield f"{name}: firmware is {hashes[1]}, was {hashes[0]}"
    kinds = [facts.get("backends") or {} for facts in (earlier, later)]
    for primitive in sorted(kinds[0].keys() & kinds[1].keys()):
        one, other = (found[primitive] for found in kinds)
        if one != other:
            yield f"{name}: {primitive} is computed by the back end {other}, was by {one}"
    if old.has_components(name) != new.has_components(name):
        which = old if new.has_components(name) else new
        yield f"{name}: {which.run['id']} does not say what its firmware consists of"


def _compare_verdicts(outcome: Comparison, old: Sheet, new: Sheet, gates: Gates) -> None:
    """Name every cell that only one report has, or that ended otherwise."""
    for place, cell in old.cells.items():
        verdict = cell["verdict"]
        now = new.cells.get(place)
        later = "missing" if now is None else now["verdict"]
        if verdict == later:
            continue
        if now is None:
            text = f"{place}: only in {old.run['id']} ({verdict})"
        else:
            why = (now["reason"] or "").strip().splitlines()
            text = f"{place}: {verdict} -> {later}" + (f" ({why[0]})" if why else "")
        ran = verdict in PASSED | FAILED
        lost = gates.cells and ran and later not in PASSED | FAILED
        turned = verdict in PASSED and later in FAILED and not gates.only_shows
        (outcome.broken if lost or turned else outcome.differences).append(text)
    for place, cell in new.cells.items():
        if place not in old.cells:
            text = f"{place}: only in {new.run['id']} ({cell['verdict']})"
            outcome.differences.append(text)
        elif old.cells[place]["peer_version"] != cell["peer_version"]:
            versions = cell["peer_version"], old.cells[place]["peer_version"]
            text = "{}: peer is {}, was {}".format(place.peer, *versions)
            outcome.differences.append(text)


def _compare_figures(
    outcome: Comparison, place: Place, old: Sheet, new: Sheet, gates: Gates
) -> None:
    names = dict.fromkeys([*new.figures.get(place, {}), *old.figures.get(place, {})])
    both = old.has_components(place.target) and new.has_components(place.target)
    for name in names:
        was, now = old.find(place, name), new.find(place, name)
        if is_component(name):
            if not both:
                continue  # named once for the board
            known = was or now
            assert known is not None
            nothing = Figure(name, 0, known.unit, known.method)
            was, now = was or nothing, now or nothing
        problem = _unpaired(was, now, old, new)
        if problem is None:
            assert was is not None
            assert now is not None
            if was.method != now.method:
                outcome.differences.append(f"{place.target}: {name}: {_methods(was, now)}")
            outcome.changes.append(_judge(place, was, now, gates))
        elif was and now and was.value is not None and now.value is None and gates.of(name):
            outcome.broken.append(f"{place}: {name}: {problem}")
        elif was and now and was.value is None and now.value is None:
            outcome.differences.append(f"{place.target}: {name}: {problem}")
        else:
            outcome.differences.append(f"{place}: {name}: {problem}")


def _unpaired(was: Figure | None, now: Figure | None, old: Sheet, new: Sheet) -> str | None:
    """Say why two figures cannot be compared; None when they can, or both say they have none."""
    if was is None:
        return f"only in {new.run['id']}"
    if now is None:
        return f"only in {old.run['id']}"
    if was.value is None and now.value is None:
        return "not measured in either run"
    if now.value is None:
        return f"was {was.value:,}, now not measured: {now.reason}"
    if was.value is None:
        return f"is {now.value:,}, was not measured: {was.reason}"
    if was.unit != now.unit:
        return f"in {now.unit}, was in {was.unit}"
    if noise.kind_of_pair(was, now) is None:
        return _methods(was, now)
    return None


def _methods(was: Figure, now: Figure) -> str:
    return f"measured by {now.method!r}, was by {was.method!r}"


def _judge(place: Place, was: Figure, now: Figure, gates: Gates) -> Change:
    assert was.value is not None
    assert now.value is not None
    kind = noise.kind_of_pair(was, now)
    assert kind is not None
    allowed = noise.allowance(kind, was, now)
    gate = gates.of(now.name)
    tolerance = None if gate is None else gate.tolerance(was.value)
    amount = now.value - was.value
    if amount == 0:
        judgement = SAME
    elif allowed is None:
        judgement = UNDECIDED
    elif abs(amount) <= allowed:
        judgement = NOISE
    elif amount < 0:
        judgement = IMPROVEMENT
    elif tolerance is None or amount <= tolerance:
        judgement = GROWTH
    else:
        judgement = REGRESSION
    return Change(
        place, now.name, now.unit, kind, was.value, now.value, allowed, tolerance, judgement
    )


def _some(places: Iterable[Place], most: int = 3) -> str:
    names = [str(place) for place in places]
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return (", ".join(names[:most]) or "none") + more
