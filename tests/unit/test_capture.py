"""Captures: read back by an independent reader, and by tshark where there is one."""

from __future__ import annotations

import itertools
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from hil.link import BOARD_TO_PEER, PEER_TO_BOARD, Chunk
from hil.tlsrig import capture

TRANSCRIPT = [
    Chunk(BOARD_TO_PEER, b"hello", 100.0),
    Chunk(PEER_TO_BOARD, b"x" * 20_000, 100.5),
    Chunk(BOARD_TO_PEER, b"bye", 101.25),
]
KEY_LOG = "EXPORTER_SECRET 0a 0b\n"


def blocks(data: bytes) -> list[tuple[int, bytes]]:
    found = []
    while data:
        kind, length = struct.unpack_from("<II", data)
        assert length % 4 == 0
        assert struct.unpack_from("<I", data, length - 4) == (length,)
        found.append((kind, data[8 : length - 4]))
        data = data[length:]
    return found


def packets(path: Path) -> list[tuple[float, bytes]]:
    found = []
    for kind, body in blocks(path.read_bytes()):
        if kind == 6:
            _, high, low, captured, original = struct.unpack_from("<IIIII", body)
            assert captured == original
            found.append(((high << 32 | low) / 1e6, body[20 : 20 + captured]))
    return found


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "capture.pcapng"
    capture.write(path, TRANSCRIPT, KEY_LOG)
    return path


def test_the_payload_of_each_direction_is_whole_and_in_order(file: Path) -> None:
    streams = {49152: b"", 443: b""}
    for _, packet in packets(file):
        assert sum(struct.unpack_from(">10H", packet)) % 0xFFFF == 0, "IPv4 header checksum"
        assert int.from_bytes(packet[2:4], "big") == len(packet)
        streams[int.from_bytes(packet[20:22], "big")] += packet[40:]
    assert streams == {49152: b"hellobye", 443: b"x" * 20_000}


def test_sequence_numbers_follow_the_bytes(file: Path) -> None:
    expected: dict[int, int] = {}
    for _, packet in packets(file):
        port, _, sequence, _ = struct.unpack_from(">HHII", packet, 20)
        assert sequence == expected.get(port, 0)
        syn_or_fin = 1 if packet[33] & 0x03 else 0
        expected[port] = sequence + len(packet) - 40 + syn_or_fin
    assert expected == {49152: 2 + 8, 443: 2 + 20_000}


def test_times_count_from_the_first_piece(file: Path) -> None:
    assert [at for at, packet in packets(file) if len(packet) > 40] == [0.0, 0.5, 0.5, 1.25]


def test_the_key_log_travels_in_the_capture(file: Path) -> None:
    secrets = [body for kind, body in blocks(file.read_bytes()) if kind == 10]
    assert len(secrets) == 1
    assert secrets[0].startswith(b"KSLT" + len(KEY_LOG).to_bytes(4, "little") + KEY_LOG.encode())


def test_without_a_key_log_there_is_no_secrets_block(tmp_path: Path) -> None:
    path = tmp_path / "plain.pcapng"
    capture.write(path, TRANSCRIPT, "")
    assert [kind for kind, _ in blocks(path.read_bytes()) if kind == 10] == []


def test_what_was_written_reads_back(file: Path) -> None:
    transcript, key_log = capture.read(file)
    assert key_log == KEY_LOG
    pieces = [(chunk.direction, chunk.data, chunk.at_s) for chunk in transcript]
    assert pieces == [
        (BOARD_TO_PEER, b"hello", 0.0),
        (PEER_TO_BOARD, b"x" * 16_000, 0.5),
        (PEER_TO_BOARD, b"x" * 4_000, 0.5),
        (BOARD_TO_PEER, b"bye", 1.25),
    ]


def test_whoever_speaks_first_opens_the_connection_and_is_the_client(tmp_path: Path) -> None:
    path = tmp_path / "server.pcapng"
    capture.write(path, TRANSCRIPT[1:], "")
    opening = packets(path)[0][1]
    assert opening[12:20] == bytes([10, 0, 0, 1, 10, 0, 0, 2])
    assert int.from_bytes(opening[22:24], "big") == 443
    assert capture.read(path)[0][-1].direction == BOARD_TO_PEER


@pytest.mark.parametrize("data", [b"", b"\x0a\x00", bytes(16), b"\x0a\x0d\x0d\x0a\xff\x00\x00\x00"])
def test_a_file_that_is_no_capture_is_refused_or_empty(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "odd.pcapng"
    path.write_bytes(data)
    if not data:
        assert capture.read(path) == ([], "")
        return
    with pytest.raises(capture.CaptureError, match=r"odd\.pcapng"):
        capture.read(path)


def test_a_missing_capture_is_named(tmp_path: Path) -> None:
    with pytest.raises(capture.CaptureError, match=r"none\.pcapng"):
        capture.read(tmp_path / "none.pcapng")


def test_tcp_checksums_are_right(file: Path) -> None:
    for _, packet in packets(file):
        segment = packet[20:]
        pseudo = packet[12:20] + struct.pack(">HH", 6, len(segment))
        data = pseudo + segment + bytes(len(segment) % 2)
        assert sum(struct.unpack(f">{len(data) // 2}H", data)) % 0xFFFF == 0
        assert segment[16:18] != bytes(2)


def test_every_piece_is_acknowledged_at_once(file: Path) -> None:
    sent = [packet for _, packet in packets(file)]
    for packet, answer in itertools.pairwise(sent):
        if len(packet) > 40:
            end = int.from_bytes(packet[24:28], "big") + len(packet) - 40
            assert answer[20:22] == packet[22:24]
            assert int.from_bytes(answer[28:32], "big") == end
            assert len(answer) == 40


@pytest.mark.skipif(shutil.which("tshark") is None, reason="apt-get install tshark")
def test_tshark_reads_it_without_complaint(file: Path) -> None:
    done = subprocess.run(
        ["tshark", "-r", str(file), "-Y", "_ws.malformed || tcp.analysis.flags"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == ""
