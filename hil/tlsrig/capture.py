"""Writes what a link carried as a capture file that opens, decrypted, in Wireshark.

The link is no network, so the packets around the TLS bytes are made up: one TCP connection over
IPv4 from 10.0.0.2 (the board) to 10.0.0.1:443 (the peer), one segment per delivered piece, with
the times at which the pieces were delivered. The peer's key log is embedded as a Decryption
Secrets Block (pcapng, draft-ietf-opsawg-pcapng §4.7), so that no key file has to be set up.

What it does not do: retransmissions, acknowledgements of their own, checksums of TCP (zero:
"not filled in", as captures with checksum offload have them).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from pathlib import Path

from hil.link import BOARD_TO_PEER, Chunk, Direction

_BOARD = (bytes([10, 0, 0, 2]), 49152)
_PEER = (bytes([10, 0, 0, 1]), 443)
_SYN, _ACK, _PUSH, _FIN = 0x02, 0x10, 0x08, 0x01
_SEGMENT_BYTES = 16_000  # an IPv4 packet is limited to 65,535 bytes

_SECTION_HEADER, _INTERFACE, _SECRETS, _PACKET = 0x0A0D0D0A, 1, 10, 6
_LINKTYPE_RAW_IPV4 = 228
_TLS_KEY_LOG = 0x544C534B


def write(path: Path, transcript: Sequence[Chunk], key_log: str) -> None:
    """Write the transcript of one connection as a pcapng file.

    Args:
        path: the file to make.
        transcript: what the link delivered, in order.
        key_log: text of the peer's key log; empty for none.
    """
    blocks = [
        _block(_SECTION_HEADER, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)),
        _block(_INTERFACE, struct.pack("<HHI", _LINKTYPE_RAW_IPV4, 0, 0)),
    ]
    if key_log:
        secrets = key_log.encode("ascii")
        blocks.append(_block(_SECRETS, struct.pack("<II", _TLS_KEY_LOG, len(secrets)) + secrets))
    start = transcript[0].at_s if transcript else 0.0
    for at_s, packet in _packets(transcript):
        microseconds = round((at_s - start) * 1_000_000)
        head = struct.pack(
            "<IIIII", 0, microseconds >> 32, microseconds & 0xFFFFFFFF, len(packet), len(packet)
        )
        blocks.append(_block(_PACKET, head + packet))
    path.write_bytes(b"".join(blocks))


def _packets(transcript: Sequence[Chunk]) -> Iterable[tuple[float, bytes]]:
    """Yield (time, IPv4 packet): a TCP opening, the data, a TCP closing."""
    connection = _Connection()
    start = transcript[0].at_s if transcript else 0.0
    yield start, connection.segment(True, _SYN)
    yield start, connection.segment(False, _SYN | _ACK)
    yield start, connection.segment(True, _ACK)
    last = start
    for chunk in transcript:
        last = chunk.at_s
        for position in range(0, len(chunk.data), _SEGMENT_BYTES):
            piece = chunk.data[position : position + _SEGMENT_BYTES]
            yield last, connection.segment(_from_board(chunk.direction), _PUSH | _ACK, piece)
    yield last, connection.segment(True, _FIN | _ACK)
    yield last, connection.segment(False, _FIN | _ACK)
    yield last, connection.segment(True, _ACK)


class _Connection:
    """Sequence numbers of both ends."""

    def __init__(self) -> None:
        self._next = {True: 0, False: 0}

    def segment(self, from_board: bool, flags: int, data: bytes = b"") -> bytes:
        source, destination = (_BOARD, _PEER) if from_board else (_PEER, _BOARD)
        acknowledged = self._next[not from_board] if flags & _ACK else 0
        tcp = struct.pack(
            ">HHIIBBHHH",
            source[1],
            destination[1],
            self._next[from_board],
            acknowledged,
            5 << 4,  # header of five 32-bit words
            flags,
            0xFFFF,
            0,
            0,
        )
        self._next[from_board] += len(data) + (1 if flags & (_SYN | _FIN) else 0)
        return _ipv4(source[0], destination[0], tcp + data)


def _ipv4(source: bytes, destination: bytes, payload: bytes) -> bytes:
    """Return an IPv4 packet that carries TCP (RFC 791 §3.1)."""
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(payload), 0, 0x4000, 64, 6, 0)
    total: int = sum(struct.unpack(">10H", head + source + destination))
    total = (total & 0xFFFF) + (total >> 16)
    checksum = ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF
    return head[:10] + checksum.to_bytes(2, "big") + source + destination + payload


def _block(kind: int, body: bytes) -> bytes:
    padded = body + bytes(-len(body) % 4)
    length = 12 + len(padded)
    return struct.pack("<II", kind, length) + padded + struct.pack("<I", length)


def _from_board(direction: Direction) -> bool:
    return direction == BOARD_TO_PEER
