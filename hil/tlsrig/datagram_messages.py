"""The handshake messages of DTLS 1.2 that travel in the clear, put together on the host.

Everything that both ends negotiate is said in them. What is fragmented or repeated is told once,
with the header that TLS has (RFC 6347 §4.2.2: between length and body DTLS has three fields more).
For reading what a peer wrote down of itself, not for speaking DTLS: nothing is checked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hil.tlsrig import mishaps

_RECORD_HEADER_BYTES = 13
_HEADER_BYTES = 12
_TLS_HEADER_BYTES = 4


def whole(datagrams: Iterable[tuple[bool, bytes]]) -> Iterator[tuple[bool, str, bytes]]:
    """Yield (sent, "Handshake", message) of every message, once all of it has been there.

    Args:
        datagrams: (sent, octets) in order.
    """
    parts: dict[tuple[bool, int, int], dict[int, bytes]] = {}
    for sent, datagram in datagrams:
        for record in mishaps.records(datagram):
            if record.message is None:
                continue
            octets = record.octets[_RECORD_HEADER_BYTES:]
            while len(octets) >= _HEADER_BYTES:
                size, number, at, length = (
                    int.from_bytes(octets[first:last], "big")
                    for first, last in ((1, 4), (4, 6), (6, 9), (9, 12))
                )
                fragment = octets[_HEADER_BYTES : _HEADER_BYTES + length]
                known = parts.setdefault((sent, number, octets[0]), {})
                had_it = _size(known) >= size and bool(known)
                known.setdefault(at, fragment)
                if not had_it and _size(known) >= size:
                    yield sent, "Handshake", octets[:_TLS_HEADER_BYTES] + _joined(known, size)
                octets = octets[_HEADER_BYTES + length :]


def _joined(fragments: dict[int, bytes], size: int) -> bytes:
    body = bytearray(size)
    for start, fragment in fragments.items():
        body[start : start + len(fragment)] = fragment
    return bytes(body)


def _size(fragments: dict[int, bytes]) -> int:
    """Return how much of a message there is from its beginning on, without a gap."""
    end = 0
    for start in sorted(fragments):
        if start > end:
            break
        end = max(end, start + len(fragments[start]))
    return end
