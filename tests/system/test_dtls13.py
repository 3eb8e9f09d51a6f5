"""DTLS 1.3 on boards whose image has it: both ends in one board's memory."""

from pathlib import Path

import pytest

from hil import build, image

PORTABLE = Path(__file__).parents[2] / "tls" / "tests" / "portable"
TIMEOUT_S = 120
# Both ends of a connection, which keep their buffers, and the module of the test.
HEAP_BYTES = 98_304
SUITES = {64: (0x1301, 0x1303, 0x1304, 0x1305), 32: (0x1301, 0x1303)}


@pytest.fixture
def board(hil_target, dut_factory):
    target = hil_target.uncounted()
    if "tlscore/dtls13/connection.py" not in build.modules_of(image.load(target.image)):
        pytest.skip(f"image {target.image} leaves DTLS 1.3 out")
    made = dut_factory(target, heap_bytes=HEAP_BYTES if target.word_bits == 32 else None)
    made.install("dtls13_checks", (PORTABLE / "dtls13_checks.py").read_text())
    return made


def test_both_ends_meet_whatever_is_lost(board):
    for suite in SUITES[board.target.word_bits]:
        for modes, lost in (((0,), None), ((1,), None), ((0,), 3), ((0,), 4), ((0,), 6)):
            arguments = (suite, modes, lost)
            exported, epochs, said, closed = board.call(
                "dtls13_checks:job", *arguments, timeout_s=TIMEOUT_S
            )
            assert exported[0] == exported[1]
            assert (tuple(epochs), said, closed) == ((4, 4), b"hello", True)
