"""hil.tlsrig.baselines.board: what a reference program is told, and what its line means."""

from __future__ import annotations

import json
import socket
import struct
from dataclasses import replace

import pytest
from cryptography import x509

from hil import paths, target
from hil.agent import AnswerReader, ChannelClosed, Refused
from hil.errors import BootError
from hil.tlsrig import pki
from hil.tlsrig.baselines import board as baseline_board
from hil.tlsrig.encounter import statement

UTC_SECONDS = 1_768_478_400
SAID = {
    "connected": True,
    "error": 0,
    "alert_sent": -1,
    "alert_received": -1,
    "close_sent": 1,
    "close_received": 1,
    "version": 0x0303,
    "suite": 0xC02B,
    "group": 29,
    "signature": 0x0403,
    "signatures_verified": 3,
    "exporter": "ab" * 32,
    "echoes": [1, 0],
    "wall_us": 1000,
    "segments": 3,
    "empty_ticks": 4,
    "ticks": [104, 1004, 10_004],
    "verify_ticks": 9000,
    "exchange_ticks": 1000,
    "heap_bytes": 0,
}


@pytest.fixture(scope="module")
def parameters():
    return baseline_board.Parameters(
        utc_seconds=UTC_SECONDS,
        seed=bytes(range(32)),
        server_name="localhost",
        chain=pki.make_chain(UTC_SECONDS),
        echo_bytes=(1, 64, 5000),
        silence_ms=60_000,
    )


@pytest.fixture
def board():
    """The facts of a board whose tick is five instructions."""
    found = target.load_all()["qemu-cortexm"]
    arguments = {**found.boot.arguments, "icount_shift": 3}
    return replace(found, ticks_cpu_hz=25_000_000, boot=replace(found.boot, arguments=arguments))


def test_parameters_lie_in_memory_as_the_c_struct_has_them(parameters):
    encoded = parameters.encode()
    words = struct.unpack_from("<12I", encoded)
    assert words[:4] == (0x524C4948, UTC_SECONDS, 60_000, 3)
    assert words[4:] == (1, 64, 5000, 0, 0, 0, 0, 0)
    assert encoded[48:80] == bytes(range(32))
    assert encoded[80:144].rstrip(b"\0") == b"localhost"
    name_bytes, point_bytes, root_bytes = struct.unpack_from("<3I", encoded, 144)
    root = x509.load_der_x509_certificate(encoded[156 + 256 + 68 :][:root_bytes])
    assert root == parameters.chain.trusted_root.certificate
    assert encoded[156:][:name_bytes] == root.subject.public_bytes()
    numbers = root.public_key().public_numbers()
    point = b"\4" + numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")
    assert encoded[156 + 256 :][:point_bytes] == point


def test_the_c_struct_has_the_fields_in_that_order_and_size():
    header = (paths.images_dir() / "reference" / "reference.h").read_text()
    body = header.partition("typedef struct {")[2].partition("} parameters_t;")[0]
    declared = [line.partition("//")[0].strip() for line in body.splitlines() if ";" in line]
    assert declared == [
        "uint32_t magic;",
        "uint32_t utc_seconds;",
        "uint32_t silence_ms;",
        "uint32_t echo_count;",
        "uint32_t echo_bytes[ECHOES_MAX];",
        "uint8_t seed[32];",
        "char server_name[64];",
        "uint32_t anchor_name_bytes;",
        "uint32_t anchor_point_bytes;",
        "uint32_t anchor_bytes;",
        "uint8_t anchor_name[256];",
        "uint8_t anchor_point[68];",
        "uint8_t anchor[1024];",
    ]


def test_a_name_too_long_for_the_struct_is_refused(parameters):
    with pytest.raises(BootError, match="63 bytes of server name"):
        replace(parameters, server_name="a" * 64).encode()


def test_what_a_program_says_becomes_the_statement_of_a_board(board):
    result = baseline_board.result_of(SAID, (1, 64, 1000), board)
    said = statement(result)
    assert said.negotiated() == {
        "version": "TLSv1.2",
        "suite": "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        "group": "x25519",
        "signature": "ecdsa_secp256r1_sha256",
    }
    assert (said.connected, said.reason, said.exporter) == (True, None, b"\xab" * 32)
    assert (said.alert_sent, said.alert_received) == (None, None)
    # Of three payloads it was told to try it tried two.
    assert result["echo"] == [(1, True), (64, False)]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"connected": False, "error": 62, "exporter": ""}, "library.error_62"),
        ({"connected": False, "exporter": ""}, "link.silent"),
        ({"close_received": 0}, "link.silent"),
    ],
)
def test_a_connection_that_failed_has_a_reason(board, changed, reason):
    result = baseline_board.result_of({**SAID, **changed}, (1, 64), board)
    assert result["reason"] == reason
    assert (result["version"] is None) == (changed.get("connected") is False)


def test_segments_are_converted_each_by_itself_without_what_an_empty_one_takes(board):
    marks = baseline_board.marks_of(SAID, board)
    assert marks["instructions"] == 5 * (100 + 1000 + 10_000)
    assert marks["phases"] == {
        "signature_verification": 45_000,
        "key_exchange": 5000,
        "rest": 5500,
    }


def test_more_segments_than_were_noted_are_an_error(board):
    with pytest.raises(BootError, match="noted 3 of 300 segments"):
        baseline_board.marks_of({**SAID, "segments": 300}, board)


class Monitor:
    """Notes what QEMU is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def execute(self, command: str) -> None:
        self.told.append(command)


@pytest.fixture
def line(board):
    """The channel to a program, the program's end of its console, and the monitor."""
    ours, its = socket.socketpair()
    monitor = Monitor()
    channel = baseline_board.LineChannel(ours, monitor, (1, 64), board)
    with ours, its:
        yield channel, its, monitor


def test_the_call_lets_the_cpu_run_and_the_line_is_its_answer(line):
    channel, program, monitor = line
    channel.submit("token", "tls_jobs:client", ())
    assert monitor.told == ["cont"]
    told = b"HIL-REFERENCE " + json.dumps(SAID).encode() + b"\r\n"
    program.sendall(b"noise\r\n" + told[:40])
    assert channel.receive(1) == b""
    program.sendall(told[40:])
    answer = AnswerReader("token").feed(channel.receive(1))
    assert answer is not None
    assert answer.ok
    assert "'signatures_verified': 3" in answer.literal


def test_a_second_call_is_refused(line):
    channel, _program, _monitor = line
    channel.submit("token", "tls_jobs:client", ())
    with pytest.raises(ChannelClosed, match="one connection"):
        channel.submit("other", "tls_jobs:client", ())


def test_a_program_that_cannot_begin_says_why(line):
    channel, program, _monitor = line
    channel.submit("token", "tls_jobs:client", ())
    program.sendall(b"HIL-BOOT started without parameters\r\n")
    with pytest.raises(Refused, match="without parameters"):
        channel.receive(1)


def test_a_console_that_closes_ends_the_call(line):
    channel, program, _monitor = line
    channel.submit("token", "tls_jobs:client", ())
    program.close()
    with pytest.raises(ChannelClosed):
        channel.receive(1)
