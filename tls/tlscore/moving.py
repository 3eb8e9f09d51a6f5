"""Copying bytes without leaving anything on the heap, where that can be; and wiping them.

A slice is an object on the heap, so Python cannot copy part of a buffer without garbage: machine
code does, where there is any (crypto/thumb/copy_machine.py).
"""

from tlscore.compat import const
from tlscore.crypto import selftest

# Where to copy from is below 2^15, so that both places fit a small integer of 32 bits.
_TARGET_LIMIT = const(0x8000)
_ZEROS = bytes(64)
_SOURCE_BITS = const(15)
_SOURCE_MASK = const(0x7FFF)


def copy(target, source, places, size):
    """Copy `size` bytes of `source` to `target`: `places` is (where to) << 15 | (where from)."""
    start = places & _SOURCE_MASK
    places >>= _SOURCE_BITS
    target[places : places + size] = memoryview(source)[start : start + size]


def best(buffer_bytes):
    """Return the best function there is that does the same, for buffers of at most that size.

    Who calls it sees to it that nothing is beyond the buffers, and that the first can be written.
    """
    machine = selftest.kernel("moves") if buffer_bytes < _TARGET_LIMIT else None
    return machine.copy if machine else copy


def wipe(buffer):
    """Overwrite a bytearray with zeros, a chunk at a time: an interpreted loop is slow."""
    size = len(buffer)
    whole = size - size % len(_ZEROS)
    for at in range(0, whole, len(_ZEROS)):
        buffer[at : at + len(_ZEROS)] = _ZEROS
    for at in range(whole, size):
        buffer[at] = 0
