"""Whether a board has the RAM for a buffer, told when its size is chosen.

What a handshake needs beside the buffer is known from its smallest heap (`heap_min_bytes`), which a
board's target file holds its own to: that figure is for the buffer that ordinary scenarios have,
and for one handshake. The dearest row of the matrix, a server's with an RSA key, takes more, by
what was measured on `qemu-cortexm`. Where a target file says nothing the figures of the emulated
boards stand for it. A board whose heap is not known before it has booted is not judged here: its
cells say when memory was too short.
"""

from __future__ import annotations

from collections.abc import Sequence

from hil.errors import HilError
from hil.target import Target
from hil.tlsrig.matrix.product import BUFFER_BYTES_MAX, BUFFER_BYTES_MIN
from hil.tlsrig.scenario import BoardSide

# The smallest heap for a handshake with certificates, by the bits of a word.
_HEAP_MIN_BYTES = {32: 26_368, 64: 96_512}
# What the dearest handshake takes beyond that one's.
_MORE_BYTES = {32: 8_704, 64: 17_408}
_SCENARIO = "tls13-x509-p256"
_FIGURE = "heap_min_bytes"


def largest(target: Target) -> int | None:
    """Return the largest buffer in bytes that a board has room for; None where nobody knows.

    Raises:
        HilError: not even the smallest one fits.
    """
    heap = target.boot.arguments.get("heap_bytes")
    if not isinstance(heap, int):
        return None
    declared = target.limits.of_scenario.get(_SCENARIO, {})
    needed = declared.get(_FIGURE, _HEAP_MIN_BYTES[target.word_bits])
    beside = needed - BoardSide().max_record_bytes + _MORE_BYTES[target.word_bits]
    room = heap - beside
    if room < BUFFER_BYTES_MIN:
        raise HilError(
            f"{target.path}: boot.heap_bytes: {heap:,} bytes have no room for every handshake of "
            f"the matrix, which takes {beside:,} bytes beside the buffer; choose a larger heap"
        )
    return min(room, BUFFER_BYTES_MAX)


def require(target: Target, sizes: Sequence[int]) -> None:
    """Refuse sizes that a board has no room for.

    Raises:
        HilError: names the size and the largest one that fits.
    """
    most = largest(target)
    for size in sizes:
        if most is not None and size > most:
            raise HilError(
                f"--buffer: {size:,} bytes do not fit {target.name}, whose heap is of "
                f"{target.boot.arguments['heap_bytes']:,} bytes; the largest that fits is {most:,}"
            )
