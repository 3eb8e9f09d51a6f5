"""What the core was to reach, and whether a run has reached it.

A goal is met or missed by a figure alone; without the figure it is neither, and the reason is told.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bench import desk, desk_ours, desk_tlslite, kernels, libraries
from bench.figures import Figures
from hil.tlsrig import baselines

CORTEX_M3 = baselines.TARGET
MIPS = "qemu-mips"

_HANDSHAKE = libraries.SCENARIO
_MEMORY = ("heap_min_bytes", "stack_peak_bytes", "ram_static_bytes")
# The same handshake with a record buffer of 2 KB, which the goals of memory are for, and one with a
# key instead of certificates.
_SMALL = "tls13-x509-p256-small"
_SMALL_PSK = "tls13-psk-small"
# Ends the key of the figure that `memory` makes of those three.
_ALL_MEMORY = ".memory"
ALL_MEMORY = _HANDSHAKE + _ALL_MEMORY
ALL_MEMORY_SMALL = _SMALL + _ALL_MEMORY
# A key of an earlier connection's ticket takes the same as one agreed on beforehand.
_PSK_KE_TITLE = "handshake with a pre-shared key alone (`psk_ke`)"
_PSK_KE = "tls13-psk-ke.handshake_instructions"


@dataclass(frozen=True)
class Goal:
    """An upper bound, or with `at_least` a lower one.

    Attributes:
        title: as the table shows it.
        subject: whose figure.
        key: which figure.
        limit: in the figure's unit, or in that of the ratio.
        beside: key of a figure of another subject; then what counts is how many times that it is.
    """

    title: str
    subject: str
    key: str
    limit: float
    beside: str | None = None
    at_least: bool = False


def _of_the_desk(row: desk.Row) -> Goal:
    title = f"CPython beside tlslite-ng: {row.title}"
    return Goal(title, desk_ours.NAME, row.key, 1.0, desk_tlslite.NAME, at_least=True)


_OF_BOARDS = (
    Goal(
        "handshake, three P-256 signatures",
        CORTEX_M3,
        f"{_HANDSHAKE}.handshake_instructions",
        15e6,
    ),
    Goal("X25519, one scalar multiplication", CORTEX_M3, "x25519", 1.1e6),
    Goal("ECDSA P-256 verification", CORTEX_M3, "ecdsa_p256_verify", 3.2e6),
    Goal("ECDSA P-256 signature", CORTEX_M3, "ecdsa_p256_sign", 1.5e6),
    Goal("ECDSA P-384 verification", CORTEX_M3, "ecdsa_p384_verify", 12e6),
    Goal("RSA-2048 verification", CORTEX_M3, "rsa2048_verify", 2.5e6),
    Goal("AES-128-GCM, records of 1 KB, a byte", CORTEX_M3, "aes_128_gcm_record", 150),
    Goal("ChaCha20-Poly1305, records of 1 KB, a byte", CORTEX_M3, "chacha20_poly1305_record", 45),
    Goal("SHA-384, a byte", CORTEX_M3, "sha384", 150),
    Goal(
        "smallest heap, certificates, records of 2 KB",
        CORTEX_M3,
        f"{_SMALL}.heap_min_bytes",
        12_288,
    ),
    Goal(
        "heap + stack + static, certificates, records of 2 KB", CORTEX_M3, ALL_MEMORY_SMALL, 16_384
    ),
    Goal("heap + stack + static beside BearSSL's", CORTEX_M3, ALL_MEMORY, 1.0, "BearSSL"),
    Goal("smallest heap, pre-shared key", CORTEX_M3, f"{_SMALL_PSK}.heap_min_bytes", 6_144),
    Goal(_PSK_KE_TITLE, CORTEX_M3, _PSK_KE, 1e6),
    Goal("RAM of a kernel", kernels.SUBJECT, kernels.TOGETHER, 2_048),
    Goal(
        "handshake, three RSA-2048 signatures",
        MIPS,
        "tls13-x509-rsa2048.handshake_instructions",
        90e6,
    ),
    Goal(_PSK_KE_TITLE, MIPS, _PSK_KE, 5e6),
)


def goals(rows: tuple[desk.Row, ...]) -> tuple[Goal, ...]:
    """Return all goals; `rows` are the comparisons on CPython."""
    return (*_OF_BOARDS, *map(_of_the_desk, rows))


@dataclass(frozen=True)
class Judgement:
    """A goal and what came of it.

    Attributes:
        measured: the figure, or the ratio; None without it.
        unit: of both.
        met: None when there is nothing to judge.
        reason: why there is not.
    """

    goal: Goal
    measured: float | None
    unit: str
    met: bool | None
    reason: str | None = None


def judge(goal: Goal, figures: Figures) -> Judgement:
    """Hold a goal against the figures of a run."""
    found = _figure(goal.subject, goal.key, figures)
    if found is None:
        return Judgement(goal, None, "", None, _missing(goal, figures))
    value, unit = found
    if goal.beside is not None:
        other = _figure(goal.beside, goal.key, figures)
        if other is None or not other[0]:
            return Judgement(goal, None, "times", None, f"{goal.beside} was not measured")
        value, unit = value / other[0], "times"
    met = value > goal.limit if goal.at_least else value <= goal.limit
    return Judgement(goal, value, unit, met)


def memory(subject: str, scenario: str, figures: Figures) -> float | None:
    """Return heap, stack and static memory of a handshake together, as far as all were measured."""
    values = [figures.value(subject, f"{scenario}.{name}") for name in _MEMORY]
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None


def judgements(figures: Figures, rows: tuple[desk.Row, ...]) -> Iterator[Judgement]:
    """Judge every goal whose subject was part of the run."""
    subjects = {figure.subject for figure in figures}
    for goal in goals(rows):
        if goal.subject in subjects:
            yield judge(goal, figures)


def _figure(subject: str, key: str, figures: Figures) -> tuple[float, str] | None:
    if key.endswith(_ALL_MEMORY):
        total = memory(subject, key[: -len(_ALL_MEMORY)], figures)
        return None if total is None else (total, "bytes")
    figure = figures.find(subject, key)
    return None if figure is None or figure.value is None else (figure.value, figure.unit)


def _missing(goal: Goal, figures: Figures) -> str:
    figure = figures.find(goal.subject, goal.key)
    return "not measured in this run" if figure is None else figure.reason or ""
