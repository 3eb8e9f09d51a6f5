"""Copying from buffer to buffer by the kernel `copy_machine`, which says how it works."""

from tlscore.crypto.thumb.copy_machine import copy

__all__ = ("copy", "passes")


def passes() -> bool:
    """Known-answer test: words, a rest, and places that lie unlike."""
    target = bytearray(24)
    copy(target, b"the quick brown fox jumps", 1 << 15 | 4, 19)
    return target == b"\x00quick brown fox jum\x00\x00\x00\x00"
