"""The handshake messages of DTLS put together on the host: of version 1.2 those in the clear.

Everything that both ends negotiate is said in them; in DTLS 1.3 most of them are under keys
(`hil.tlsrig.dtls13_records`). What is fragmented or repeated is told once,
with the header that TLS has (RFC 6347 §4.2.2: between length and body DTLS has three fields more).
For reading what a peer wrote down of itself, not for speaking DTLS: nothing is checked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from hil.tlsrig import mishaps

_RECORD_HEADER_BYTES = 13
_HEADER_BYTES = 12
_TLS_HEADER_BYTES = 4

# Given (sent, datagram), the content of each handshake record in it.
Contents = Callable[[bool, bytes], Iterable[bytes]]


def in_the_clear(_sent: bool, datagram: bytes) -> Iterator[bytes]:
    """Yield the content of the handshake records that nothing protects."""
    for record in mishaps.records(datagram):
        if record.message is not None:
            yield record.octets[_RECORD_HEADER_BYTES:]


def whole(
    datagrams: Iterable[tuple[bool, bytes]], contents: Contents = in_the_clear
) -> Iterator[tuple[bool, str, bytes]]:
    """Yield (sent, "Handshake", message) of every message, once all of it has been there.

    Args:
        datagrams: (sent, octets) in order.
        contents: how records are read.
    """
    parts: dict[tuple[bool, int, int], dict[int, bytes]] = {}
    for sent, datagram in datagrams:
        for content in contents(sent, datagram):
            for header, fragment in _fragments(content):
                size, number, at = (
                    int.from_bytes(header[first:last], "big")
                    for first, last in ((1, 4), (4, 6), (6, 9))
                )
                known = parts.setdefault((sent, number, header[0]), {})
                had_it = _size(known) >= size and bool(known)
                known.setdefault(at, fragment)
                if not had_it and _size(known) >= size:
                    yield sent, "Handshake", header[:_TLS_HEADER_BYTES] + _joined(known, size)


def _fragments(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield (header, fragment) of each one in a record (RFC 6347 §4.2.2)."""
    at = 0
    while len(content) - at >= _HEADER_BYTES:
        body_at = at + _HEADER_BYTES
        end = body_at + int.from_bytes(content[body_at - 3 : body_at], "big")
        yield content[at:body_at], content[body_at:end]
        at = end


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
