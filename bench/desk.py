"""CPython at a desk: the core beside tlslite-ng, in turns in one process.

Both do the same: client and server talk through memory, both counted. What a turn takes is the
processor time of this process. Turns of both alternate, so that whatever else the machine does
meets both; the figure is the median of the turns. One thing is not the same, to our disadvantage:
tlslite-ng checks no chain, it verifies the server's one signature where the core verifies three.
Certificates and keys are read before the clock runs, key shares are made while it runs.
"""

from __future__ import annotations

import functools
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from bench import desk_material, desk_ours, desk_tlslite
from bench.desk_material import Material
from bench.figures import BenchError, Figure

A_SECOND = "a second"
KB_A_SECOND = "KB a second"

_CIPHERS = {"aes128gcm": "AES-128-GCM", "chacha20-poly1305": "ChaCha20-Poly1305"}
_BYTES_A_TURN = 65_536


class _Pair(Protocol):
    def exchange(self, payload: bytes) -> bytes: ...

    def verified(self) -> int: ...


_MakePair = Callable[[str, Material | None], _Pair]


@dataclass(frozen=True)
class Row:
    """One comparison.

    Attributes:
        key: of its figures.
        title: as tables show it.
        unit: of its figures.
        turn: does it once with a stack's `Pair`, and returns how much of it that was.
        prepare: makes what both need, before any clock runs.
    """

    key: str
    title: str
    unit: str
    turn: Callable[[_MakePair], float]
    prepare: Callable[[], None] = lambda: None


def rows() -> tuple[Row, ...]:
    """Return the comparisons."""
    found = []
    for variant, title in (("valid", "P-256"), ("rsa2048", "RSA-2048")):
        found.append(_handshake(f"certificate_{variant}", f"{title} certificates", variant))
    found.append(_handshake("psk", "pre-shared key", None))
    for cipher, name in _CIPHERS.items():
        for size, written in ((1024, "1 KB"), (16384, "16 KB")):
            title = f"{name}, records of {written}"
            found.append(_throughput(f"{cipher}.{size}", title, cipher, size))
    return tuple(found)


def _handshake(key: str, title: str, variant: str | None) -> Row:
    @functools.cache
    def material() -> Material | None:
        return None if variant is None else desk_material.material(variant)

    def prepare() -> None:
        material()

    def turn(pair: _MakePair) -> float:
        pair("aes128gcm", material())
        return 1

    return Row(f"desk.handshake.{key}", f"handshakes: {title}, X25519", A_SECOND, turn, prepare)


def _throughput(key: str, title: str, cipher: str, size: int) -> Row:
    payload = bytes(i & 0xFF for i in range(size))

    @functools.cache
    def connected(pair: _MakePair) -> _Pair:
        return pair(cipher, None)

    def turn(pair: _MakePair) -> float:
        for _ in range(_BYTES_A_TURN // size):
            if connected(pair).exchange(payload) != payload:
                raise BenchError(f"{title}: the payload came back changed")
        return 2 * _BYTES_A_TURN / 1024  # there and back

    return Row(f"desk.records.{key}", title, KB_A_SECOND, turn)


def run(
    turns: int, say: Callable[[str], None], chosen: Sequence[Row] | None = None
) -> list[Figure]:
    """Return the figures of both stacks.

    Args:
        turns: how many of each row and stack count.
        say: told what is done.
        chosen: the comparisons; all when None.

    Raises:
        BenchError: tlslite-ng is not there or not pure, or a payload came back changed.
    """
    names: dict[str, _MakePair] = {
        desk_ours.NAME: desk_ours.Pair,
        desk_tlslite.NAME: desk_tlslite.Pair,
    }
    theirs = desk_tlslite.version()
    found = []
    for row in rows() if chosen is None else chosen:
        say(f"CPython: {row.title}")
        row.prepare()
        rates: dict[str, list[float]] = {name: [] for name in names}
        for number in range(turns + 1):
            for name, pair in names.items():
                start = time.process_time()
                done = row.turn(pair)
                if number:  # the first one loads what is loaded once
                    rates[name].append(done / (time.process_time() - start))
        for name in names:
            method = f"processor time, client and server, median of {turns} turns"
            if name == desk_tlslite.NAME:
                method += f"; tlslite-ng {theirs}, pure Python"
            found.append(Figure(name, row.key, statistics.median(rates[name]), row.unit, method))
    return found
