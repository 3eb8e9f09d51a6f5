"""Where the keys of a constant dictionary go, so that py/map.c finds them.

`mp_map_lookup` begins at the key's hash modulo the table's size and goes on, slot by slot and
round, until it meets the key or an empty slot. Tables are laid out for that, with a few slots more
than keys: a name that is not there (every builtin function is looked for among a module's names
first) is recognised by an empty slot.
"""

from __future__ import annotations

from collections.abc import Mapping


def slots(hashes: Mapping[str, int]) -> list[str | None]:
    """Return the table: the key in each slot, or None.

    Args:
        hashes: the keys and their hashes.
    """
    count = len(hashes)
    if not count:
        return []
    sizes = range(count + 1, count + 2 + count // 6)
    return min((_filled(hashes, size) for size in sizes), key=_cost)[1]


def _filled(hashes: Mapping[str, int], size: int) -> tuple[int, list[str | None]]:
    """Return the probes of looking up every key once, and the table."""
    table: list[str | None] = [None] * size
    probes = 0
    for key, start in sorted(hashes.items()):
        position = start % size
        probes += 1
        while table[position] is not None:
            position = (position + 1) % size
            probes += 1
        table[position] = key
    return probes, table


def _cost(filled: tuple[int, list[str | None]]) -> float:
    """Weigh time against space: a probe of every key costs as much as an empty slot."""
    probes, table = filled
    return probes + len(table) + _misses(table)


def _misses(table: list[str | None]) -> float:
    """Return the probes of a lookup that fails, on average over all places to begin."""
    total = 0
    for start in range(len(table)):
        position = start
        while table[position] is not None:
            position = (position + 1) % len(table)
            total += 1
    return total / len(table)
