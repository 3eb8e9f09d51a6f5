"""Fragments of handshake messages that came before their turn (RFC 6347 §4.2.3).

Fragments are taken in order; what does not continue the message awaited is kept here, in a buffer
of fixed size, or dropped when that is full: the peer sends it again. Overlaps and other cuts of the
same message do no harm, because only what is wanted next is ever taken out of a fragment. A full
buffer gives up what is wanted last, and what is used up at once: where much is lost it must not be
full of what lies behind the gap.
"""

from tlscore.compat import const
from tlscore.record import wipe

HEADER_BYTES = 12
# Fragments of messages further ahead than any flight is long are nobody's.
_AHEAD_MAX = const(16)
# Epoch, and the length of header and fragment, before each one kept.
_MARK_BYTES = const(3)


def number_of(piece) -> int:
    """Return the message number a fragment says."""
    return piece[4] << 8 | piece[5]


def length_of(piece) -> int:
    """Return the length of the whole message."""
    return piece[1] << 16 | piece[2] << 8 | piece[3]


def offset_of(piece) -> int:
    """Return where in the message a fragment begins."""
    return piece[6] << 16 | piece[7] << 8 | piece[8]


def size_at(data, at) -> int:
    """Return the length of the fragment whose header is at `at`, without it."""
    return data[at + 9] << 16 | data[at + 10] << 8 | data[at + 11]


def _goes_beyond(piece, offset) -> bool:
    """Tell whether a fragment has something behind an offset, or is all of an empty message."""
    return offset_of(piece) + len(piece) - HEADER_BYTES > offset or length_of(piece) == 0


class HeldFragments:
    """Fragments kept for later.

    Args:
        buffer_bytes: size of the one buffer; each fragment takes 15 bytes more than it has.
    """

    def __init__(self, buffer_bytes):
        self._buffer = bytearray(buffer_bytes)
        self._view = memoryview(self._buffer)
        self._filled = 0

    def hold(self, piece, epoch, awaited, evicts=False) -> bool:
        """Keep a fragment, header and all, if there is room and none like it; tell if it is there.

        Args:
            awaited: number of the message that is awaited.
            evicts: make room by giving up fragments that are wanted later than this one.
        """
        if not 0 <= number_of(piece) - awaited < _AHEAD_MAX:
            return False
        at = 0
        while at < self._filled:
            start, end = self._span(at)
            if self._view[start : start + HEADER_BYTES] == piece[:HEADER_BYTES]:
                return True
            at = end
        size = len(piece)
        room = len(self._buffer) - _MARK_BYTES - size
        while self._filled > room:
            if not evicts or room < 0 or not self._forget_last(bytes(piece[4:9])):
                return False
        at = self._filled
        end = at + _MARK_BYTES + size
        self._buffer[at] = epoch
        self._buffer[at + 1] = size >> 8
        self._buffer[at + 2] = size & 0xFF
        self._view[at + _MARK_BYTES : end] = piece
        self._filled = end
        return True

    def _forget_last(self, place) -> bool:
        """Drop the fragment that is wanted last, if that is behind a place; tell if there was one.

        Args:
            place: number of a message and offset in it, as their five bytes in a fragment's header.
        """
        last, at = -1, 0
        while at < self._filled:
            start, end = self._span(at)
            found = bytes(self._view[start + 4 : start + 9])
            if found > place:
                place, last = found, at
            at = end
        if last >= 0:
            self.forget(last)
        return last >= 0

    def _span(self, at):
        start = at + _MARK_BYTES
        return start, start + (self._buffer[at + 1] << 8 | self._buffer[at + 2])

    def find(self, number, offset) -> int:
        """Return the mark of a fragment that goes on with a message there, -1 if there is none."""
        at = 0
        while at < self._filled:
            start, end = self._span(at)
            piece = self._view[start:end]
            if number_of(piece) == number and offset_of(piece) <= offset:
                if _goes_beyond(piece, offset):
                    return at
            at = end
        return -1

    def at(self, mark) -> tuple:
        """Return (fragment, epoch) of a mark; valid until the next `hold` or `drop`."""
        start, end = self._span(mark)
        return self._view[start:end], self._buffer[mark]

    def drop(self, number, offset=0):
        """Drop the fragments of what came before a message, or before an offset in it."""
        at = to = 0
        while at < self._filled:
            start, end = self._span(at)
            piece = self._view[start:end]
            of = number_of(piece)
            if of > number or (of == number and _goes_beyond(piece, offset)):
                if to != at:
                    self._view[to : to + end - at] = self._view[at:end]
                to += end - at
            at = end
        self._filled = to

    def forget(self, mark):
        """Drop the fragment of a mark."""
        _start, end = self._span(mark)
        left = self._filled - end
        self._view[mark : mark + left] = self._view[end : self._filled]
        self._filled = mark + left

    def release(self):
        """Wipe and give up the buffer."""
        wipe(self._buffer)
        self._buffer = self._view = b""
        self._filled = 0
