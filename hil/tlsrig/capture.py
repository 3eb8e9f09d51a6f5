"""Writes what a link carried as a capture file that opens, decrypted, in Wireshark.

The link is no network, so the packets around the TLS bytes are made up: one TCP connection over
IPv4 between 10.0.0.2 (the board) and 10.0.0.1 (the peer), opened by whoever sent first, with port
443 at the other end. Each delivered piece is one segment, at the time at which it was delivered,
and is acknowledged at once. Datagrams are UDP packets between the same two. Checksums are right, so
nothing in the file has to be excused. The peer's key log is embedded as a Decryption Secrets Block
(pcapng, draft-ietf-opsawg-pcapng §4.7), so that no key file has to be set up.

`read` reads such a file back. It reads only what `write` writes: no retransmissions, no segments
out of order, no captures of other programs.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from hil.errors import HilError
from hil.link import BOARD_TO_PEER, PEER_TO_BOARD, Chunk

_BOARD = bytes([10, 0, 0, 2])
_PEER = bytes([10, 0, 0, 1])
_CLIENT_PORT, _SERVER_PORT = 49152, 443
_SYN, _ACK, _PUSH, _FIN = 0x02, 0x10, 0x08, 0x01
_SEGMENT_BYTES = 16_000  # an IPv4 packet is limited to 65,535 bytes

_SECTION_HEADER, _INTERFACE, _SECRETS, _PACKET = 0x0A0D0D0A, 1, 10, 6
_LINKTYPE_RAW_IPV4 = 228
_TLS_KEY_LOG = 0x544C534B
_IPV4_BYTES, _TCP_BYTES, _UDP_BYTES = 20, 20, 8
_TCP, _UDP = 6, 17  # what an IPv4 packet says it carries


class CaptureError(HilError):
    """The file is no capture that this module wrote."""


def write(path: Path, transcript: Sequence[Chunk], key_log: str, *, udp: bool = False) -> None:
    """Write the transcript of one connection as a pcapng file.

    Args:
        path: the file to make.
        transcript: what the link delivered, in order.
        key_log: text of the peer's key log; empty for none.
        udp: each piece was a datagram.
    """
    blocks = [
        _block(_SECTION_HEADER, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)),
        _block(_INTERFACE, struct.pack("<HHI", _LINKTYPE_RAW_IPV4, 0, 0)),
    ]
    if key_log:
        secrets = key_log.encode("ascii")
        blocks.append(_block(_SECRETS, struct.pack("<II", _TLS_KEY_LOG, len(secrets)) + secrets))
    start = transcript[0].at_s if transcript else 0.0
    for at_s, packet in _datagrams(transcript) if udp else _packets(transcript):
        microseconds = round((at_s - start) * 1_000_000)
        head = struct.pack(
            "<IIIII", 0, microseconds >> 32, microseconds & 0xFFFFFFFF, len(packet), len(packet)
        )
        blocks.append(_block(_PACKET, head + packet))
    path.write_bytes(b"".join(blocks))


def read(path: Path) -> tuple[list[Chunk], str]:
    """Read a file that `write` made.

    Returns:
        The transcript, its times counted from the first piece, and the key log ("" for none).

    Raises:
        CaptureError: it cannot be read, or something else wrote it.
    """
    transcript: list[Chunk] = []
    key_log = ""
    try:
        for kind, body in _blocks(path.read_bytes()):
            if kind == _SECRETS:
                (size,) = struct.unpack_from("<I", body, 4)
                key_log += body[8 : 8 + size].decode("ascii")
            elif kind == _PACKET:
                _, high, low, size, _ = struct.unpack_from("<IIIII", body)
                packet = body[20 : 20 + size]
                headers = _UDP_BYTES if packet[9] == _UDP else _TCP_BYTES
                data = packet[_IPV4_BYTES + headers :]
                from_board = packet[12:16] == _BOARD
                if data:
                    at_s = (high << 32 | low) / 1_000_000
                    direction = BOARD_TO_PEER if from_board else PEER_TO_BOARD
                    transcript.append(Chunk(direction, data, at_s))
    except (OSError, UnicodeDecodeError, struct.error) as error:
        raise CaptureError(f"{path}: no capture of this farm: {error}") from error
    return transcript, key_log


def _packets(transcript: Sequence[Chunk]) -> Iterable[tuple[float, bytes]]:
    """Yield (time, IPv4 packet): a TCP opening, the data, a TCP closing."""
    first = transcript[0] if transcript else Chunk(BOARD_TO_PEER, b"", 0.0)
    opener = first.direction == BOARD_TO_PEER
    connection = _Connection(opener)
    last = first.at_s
    yield last, connection.segment(opener, _SYN)
    yield last, connection.segment(not opener, _SYN | _ACK)
    yield last, connection.segment(opener, _ACK)
    for chunk in transcript:
        last = chunk.at_s
        sender = chunk.direction == BOARD_TO_PEER
        for position in range(0, len(chunk.data), _SEGMENT_BYTES):
            piece = chunk.data[position : position + _SEGMENT_BYTES]
            yield last, connection.segment(sender, _PUSH | _ACK, piece)
            yield last, connection.segment(not sender, _ACK)
    yield last, connection.segment(opener, _FIN | _ACK)
    yield last, connection.segment(not opener, _FIN | _ACK)
    yield last, connection.segment(opener, _ACK)


class _Connection:
    """Ports and sequence numbers of both ends, by whether it is the board's."""

    def __init__(self, board_opens: bool) -> None:
        self._ports = {board_opens: _CLIENT_PORT, not board_opens: _SERVER_PORT}
        self._next = {True: 0, False: 0}

    def segment(self, from_board: bool, flags: int, data: bytes = b"") -> bytes:
        """Return the next packet of one end (RFC 9293 §3.1)."""
        source, destination = (_BOARD, _PEER) if from_board else (_PEER, _BOARD)
        head = struct.pack(
            ">HHIIBBH",
            self._ports[from_board],
            self._ports[not from_board],
            self._next[from_board],
            self._next[not from_board] if flags & _ACK else 0,
            5 << 4,  # header of five 32-bit words
            flags,
            0xFFFF,
        )
        pseudo = source + destination + struct.pack(">HH", _TCP, _TCP_BYTES + len(data))
        checksum = _checksum(pseudo + head + data)
        self._next[from_board] += len(data) + (1 if flags & (_SYN | _FIN) else 0)
        return _ipv4(_TCP, source, destination, head + struct.pack(">HH", checksum, 0) + data)


def _datagrams(transcript: Sequence[Chunk]) -> Iterable[tuple[float, bytes]]:
    """Yield (time, IPv4 packet): a UDP packet (RFC 768) for each piece."""
    board_opens = not transcript or transcript[0].direction == BOARD_TO_PEER
    ports = {board_opens: _CLIENT_PORT, not board_opens: _SERVER_PORT}
    for chunk in transcript:
        from_board = chunk.direction == BOARD_TO_PEER
        source, destination = (_BOARD, _PEER) if from_board else (_PEER, _BOARD)
        size = _UDP_BYTES + len(chunk.data)
        head = struct.pack(">HHH", ports[from_board], ports[not from_board], size)
        pseudo = source + destination + struct.pack(">HH", _UDP, size)
        # RFC 768: a sum of zero is sent as all ones.
        checksum = _checksum(pseudo + head + bytes(2) + chunk.data) or 0xFFFF
        payload = head + checksum.to_bytes(2, "big") + chunk.data
        yield chunk.at_s, _ipv4(_UDP, source, destination, payload)


def _ipv4(protocol: int, source: bytes, destination: bytes, payload: bytes) -> bytes:
    """Return an IPv4 packet (RFC 791 §3.1)."""
    size = _IPV4_BYTES + len(payload)
    head = struct.pack(">BBHHHBBH", 0x45, 0, size, 0, 0x4000, 64, protocol, 0)
    checksum = _checksum(head + source + destination)
    return head[:10] + checksum.to_bytes(2, "big") + source + destination + payload


def _checksum(data: bytes) -> int:
    """Return the checksum of IPv4 and TCP (RFC 1071): of 16-bit words, in ones' complement."""
    # A sum of words with their carries added is the whole number modulo 65535, but never zero.
    total = int.from_bytes(data + bytes(len(data) % 2), "big") % 0xFFFF or 0xFFFF
    return 0xFFFF - total


def _blocks(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield (type, body) of every block."""
    position = 0
    while position < len(data):
        kind, size = struct.unpack_from("<II", data, position)
        foreign = not position and kind != _SECTION_HEADER
        if foreign or size < 12 or position + size > len(data):
            raise struct.error(f"no block at byte {position}")
        yield kind, data[position + 8 : position + size - 4]
        position += size


def _block(kind: int, body: bytes) -> bytes:
    padded = body + bytes(-len(body) % 4)
    length = 12 + len(padded)
    return struct.pack("<II", kind, length) + padded + struct.pack("<I", length)
