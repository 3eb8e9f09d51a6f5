"""Boots each board once and lets it do all single operations and records."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from bench import operations, records
from bench.figures import Figure
from hil import boot, build, image
from hil.target import Target

# The core's own account of what computes what; some images have no room for it.
_BACKENDS = "tlscore/crypto/back_ends.py"


def run(
    target: Target, log_dir: Path, say: Callable[[str], None], count: int = records.COUNT
) -> list[Figure]:
    """Return every figure of a board that is a single operation's or a record's.

    Each begins on a fresh board, so that no garbage of another is in it.

    Args:
        target: which board.
        log_dir: an empty folder for its logs.
        say: told what is done.
        count: how many records are counted.

    Raises:
        BenchError: as `operations.run` and `records.run` do.
        HilError: no firmware could be made, or the board does not boot.
    """
    firmware = build.ensure(target.image, say)
    modules = build.modules_of(image.load(target.image))
    found = []
    for operation in operations.OPERATIONS:
        say(f"{target.name}: {operation.title}")
        with boot.boot(target, firmware, log_dir=log_dir / operation.key) as board:
            board.install(operations.SOURCE.stem, operations.SOURCE.read_text(encoding="utf-8"))
            found.append(operations.run(board, operation, modules))
    for suite in records.SUITES:
        reason = operations.lacking([suite.module], modules)
        if reason is not None:
            found += suite.uncounted(target.name, reason)
            continue
        say(f"{target.name}: {suite.title}")
        with boot.boot(target, firmware, log_dir=log_dir / suite.key) as board:
            board.install(records.SOURCE.stem, records.SOURCE.read_text(encoding="utf-8"))
            found += records.run(board, suite, count)
    return found
