"""Sending and receiving allocates nothing on boards whose ciphers are machine code.

Portable ciphers compute with integers that MicroPython keeps on the heap; there the claim cannot be
made, and is not.
"""

from pathlib import Path

import pytest

from hil import image

PORTABLE = Path(__file__).parents[2] / "tls" / "tests" / "portable"
HEAP_BYTES = 65_536
ROUNDS = 20
TIMEOUT_S = 120


@pytest.mark.parametrize("size", [1, 100, 1024])
@pytest.mark.parametrize("suite", [0x1301, 0x1303])
def test_records_leave_nothing_on_the_heap(hil_target, dut_factory, suite, size):
    if "thumb" not in image.load(hil_target.image).kernels:
        pytest.skip("a claim about boards whose ciphers are machine code")
    if hil_target.ram_bytes is not None and hil_target.ram_bytes <= HEAP_BYTES:
        pytest.skip(f"{hil_target.name} has no room for a heap of {HEAP_BYTES} bytes")
    board = dut_factory(hil_target.uncounted(), heap_bytes=HEAP_BYTES)
    for name in ("leak_checks", "steady_checks"):
        board.install(name, (PORTABLE / f"{name}.py").read_text())
    assert board.call("steady_checks:job", suite, size, ROUNDS, timeout_s=TIMEOUT_S) == 0
