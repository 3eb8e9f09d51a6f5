"""One figure of a bench run, and where all of them are kept between measuring and showing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field


class BenchError(Exception):
    """The run cannot go on; the message says what to do."""


@dataclass(frozen=True)
class Figure:
    """What one thing took on one subject.

    Attributes:
        subject: a target, or who else was measured (`BearSSL`, `tlslite-ng`, `CPython`).
        key: what was measured: `x25519`, `tls13-x509-p256.heap_min_bytes`.
        value: None where there is none; `reason` then says why.
        unit: "instructions", "instructions a byte", "bytes", "a second", "KB a second".
        method: how it was obtained.
        reason: why there is no value.
    """

    subject: str
    key: str
    value: float | None
    unit: str
    method: str
    reason: str | None = None

    def __post_init__(self) -> None:
        if (self.value is None) == (self.reason is None):
            raise ValueError(f"{self.subject} {self.key}: either a value or a reason")


@dataclass
class Figures:
    """All figures of a run, by subject and key.

    Attributes:
        backends: target -> primitive -> what computes it.
        versions: of the programs that were measured, and of those they were measured with.
    """

    backends: dict[str, dict[str, str]] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    _found: dict[tuple[str, str], Figure] = field(default_factory=dict)

    def add(self, figures: Iterable[Figure]) -> None:
        """Take figures; one that is there already is a mistake of the caller's."""
        for figure in figures:
            place = figure.subject, figure.key
            if place in self._found:
                raise ValueError(f"{figure.subject} {figure.key} was measured twice")
            self._found[place] = figure

    def find(self, subject: str, key: str) -> Figure | None:
        """Return a figure, None when nobody measured it."""
        return self._found.get((subject, key))

    def value(self, subject: str, key: str) -> float | None:
        """Return a figure's value, None when there is none."""
        figure = self.find(subject, key)
        return None if figure is None else figure.value

    def __iter__(self) -> Iterator[Figure]:
        """Go through the figures in the order in which they came."""
        return iter(self._found.values())

    def document(self) -> dict[str, object]:
        """Return everything as plain literals for JSON."""
        return {"figures": [asdict(figure) for figure in self], "backends": self.backends}
