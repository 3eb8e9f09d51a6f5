"""Whether the heap has room for a record buffer beside what a handshake takes.

Asked when the size is set, so that a buffer that is too large is refused then, with the largest
that would fit, and not in mid-connection by MemoryError. Where the heap grows as it is needed
(CPython) every size has room.
"""

import gc

from tlscore.compat import const
from tlscore.errors import UsageError

# What the dearest handshakes take beside the buffers of records on a board of 32 bits: with keys
# alone, and with certificates (docs/measurements.md, "Room for a record buffer").
_BYTES_WITH_KEYS = const(6656)
_BYTES_WITH_CERTIFICATES = const(16384)
_STEP_BYTES = const(256)


def require_room(size, beside, with_certificates):
    """Refuse a record buffer of `size` bytes that does not fit beside other buffers.

    Raises:
        UsageError: "config.record_buffer_bytes_over_<the largest that fits>".
    """
    if not hasattr(gc, "mem_free"):
        return
    gc.collect()
    beside += _BYTES_WITH_CERTIFICATES if with_certificates else _BYTES_WITH_KEYS
    most = max(min(size, gc.mem_free() - beside), 0)
    while most:
        try:
            bytearray(most)
            break
        except MemoryError:
            most = max(most - _STEP_BYTES, 0)
    if most < size:
        raise UsageError("config.record_buffer_bytes_over_{}".format(most))
