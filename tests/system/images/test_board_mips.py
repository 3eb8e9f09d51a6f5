"""The MIPS image without interrupts and memory protection: what takes their place works."""

import re

import pytest

pytestmark = pytest.mark.only_on("mips")


def fault(board, program):
    board.send("import machine\n" + program)
    words = board.last_words()
    lines = [line for line in words.splitlines() if line.startswith("HIL-FAULT")]
    assert len(lines) == 1, words
    return dict(re.findall(r"(\w+)=([0-9a-f]{8})", lines[0])), lines[0]


@pytest.mark.parametrize("write", [False, True])
@pytest.mark.parametrize("address", [0, 4, 0x7FFFFFFC, 0xC0000000])
def test_an_access_to_unmapped_memory_says_where(board, address, write):
    registers, line = fault(board, f"machine.mem32[{address}]" + (" = 1" if write else ""))
    assert int(registers["address"], 16) == address
    assert int(registers["exception"], 16) == (3 if write else 2)  # refill of the TLB
    symbols = board.firmware.symbols
    assert 0 <= int(registers["pc"], 16) - symbols["hil_flash_start"] < board.firmware.flash_bytes
    bottom, top = board.stack()
    assert bottom < int(registers["sp"], 16) <= top
    assert "stack-overflow" not in line


def test_a_stack_used_to_its_end_ends_the_machine(board):
    bottom, _ = board.stack()
    registers, line = fault(board, f"machine.mem32[{bottom}] = 0\nwhile True:\n    pass")
    assert " stack-overflow" in line
    assert int(registers["exception"], 16) == 9  # the check's own `break`


def test_ticks_never_go_back_when_the_processors_counter_wraps(machine):
    # It wraps every 26 or 27 s of virtual time; at 1,024 ns an instruction that is soon.
    board = machine(shift=10).start().raw_repl()
    result = board.run(
        "import time\n"
        "begin = last = time.ticks_ms()\nlongest = 0\nback = 0\n"
        "while time.ticks_diff(last, begin) < 60000:\n"
        "    now = time.ticks_ms()\n"
        "    step = time.ticks_diff(now, last)\n"
        "    back += step < 0\n"
        "    longest = max(longest, step)\n"
        "    last = now\n"
        "print(back, longest)"
    )
    back, longest = map(int, result.split())
    assert back == 0
    assert longest < 1000


def test_a_clock_tick_is_8_ns_whatever_the_emulated_counter_does(board, facts):
    # The board's timer chip runs at 1,193,182 Hz in every version of QEMU.
    # The count stands still from the write on; when that was, the ticks around it say.
    took = board.run(
        "import machine, time\n"
        "def chip():\n"
        "    before = time.ticks_cpu()\n"
        "    machine.mem8[0xb8000043] = 0\n"
        "    passed = time.ticks_diff(time.ticks_cpu(), before)\n"
        "    low = machine.mem8[0xb8000040]\n"
        "    return machine.mem8[0xb8000040] << 8 | low, before + passed // 2\n"
        "first, begin = chip()\n"
        "while (first - chip()[0]) & 0xffff < 50000:\n    pass\n"
        "last, end = chip()\n"
        "print((first - last) & 0xffff, time.ticks_diff(end, begin))"
    )
    chip_ticks, ticks = map(int, took.split())
    assert ticks / chip_ticks == pytest.approx(facts.ticks_cpu_hz / 1193182, rel=1e-3)


def test_the_spare_port_is_a_uart_too(board):
    board.run("import machine\nspare = machine.UART(2)")
    assert board.evaluate("spare.any(), spare.read(1), spare.write(b'abc')") == (0, None, 3)


def test_looking_after_the_board_does_not_change_what_the_same_work_takes(board):
    # A count that is not a multiple of the 64 turns between two looks must average out.
    board.run(
        "import time\n"
        "def ticks(n):\n"
        "    start = time.ticks_cpu()\n"
        "    for i in range(n):\n        pass\n"
        "    return time.ticks_diff(time.ticks_cpu(), start)\n"
    )
    taken = [board.evaluate("ticks(10001)") for _ in range(5)]
    assert max(taken) - min(taken) <= 0.002 * min(taken)


def test_the_processors_counter_goes_round_whenever_it_was_set(board):
    # Once a round, of 26 s of the board's time, it meets Compare, and QEMU 7 may stay there.
    board.run("import time\ndef busy(n):\n    for i in range(n):\n        pass")
    for ms in (1, 2):
        took = board.run(
            f"time.sleep_ms({ms})\nt = time.ticks_ms()\n"
            "while time.ticks_diff(time.ticks_ms(), t) < 27000:\n    busy(10000)\n"
            "print(time.ticks_diff(time.ticks_ms(), t))"
        )
        assert 27000 <= int(took) < 28000
