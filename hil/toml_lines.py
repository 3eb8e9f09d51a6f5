"""The line of a TOML file on which a key stands, for messages about it.

The TOML library keeps no line numbers. Parsing beginnings of the file finds them, which is exact
for any TOML syntax, and slow enough to be done only when there is something to say.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import suppress

if sys.version_info >= (3, 11):
    import tomllib
else:  # Python 3.10
    import tomli as tomllib

KeyPath = tuple[str, ...]


def line_of(text: str, key: KeyPath) -> int | None:
    """Return the line on which a key, or else the innermost table around it, begins.

    The shortest beginning of the file that holds the key ends with it, and the key's own line
    follows the longest beginning that parses without it (a value may span lines). They are found
    by halving: the file of a large lab has thousands of lines. Returns None for a missing key at
    the top of the file.
    """
    lines = text.splitlines()
    whole = tomllib.loads(text)
    depth = next((depth for depth in range(len(key), 0, -1) if _holds(whole, key[:depth])), 0)
    if not depth:
        return None
    # The beginning of `lacking` lines parses without the key, that of `holding` lines with it, and
    # from `limit` on none before `holding` parses.
    lacking, holding = 0, len(lines)
    limit = holding
    while limit - lacking > 1:
        count, values = _parsing(lines, (lacking + limit) // 2, limit)
        if values is None:
            limit = (lacking + limit) // 2
        elif _holds(values, key[:depth]):
            holding = limit = count
        else:
            lacking = count
    return lacking + 1


def _parsing(lines: list[str], least: int, limit: int) -> tuple[int, Mapping[str, object] | None]:
    """Return the shortest beginning of at least so many lines, fewer than `limit`, that parses."""
    for count in range(least, limit):
        with suppress(tomllib.TOMLDecodeError):
            return count, tomllib.loads("\n".join(lines[:count]))
    return limit, None


def _holds(values: object, key: KeyPath) -> bool:
    for name in key:
        if not isinstance(values, dict) or name not in values:
            return False
        values = values[name]
    return True
