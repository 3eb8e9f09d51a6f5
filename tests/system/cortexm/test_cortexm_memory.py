"""The cortexm image's memory: heap chosen at boot, painted stack, and a clear end of it all."""

import re

import pytest

PAINT = b"\xa5\xa5\xa5\xa5"
RAW_PROMPT = b"raw REPL; CTRL-B to exit\r\n>"


@pytest.mark.parametrize("heap_bytes", [None, 16384, 24576, 1 << 20])
def test_the_heap_has_the_size_chosen_at_boot(machine, heap_bytes):
    fresh = machine(heap_bytes=heap_bytes).start().raw_repl()
    total = fresh.evaluate("(lambda gc: gc.mem_free() + gc.mem_alloc())(__import__('gc'))")
    asked = heap_bytes or 65536
    assert 0.97 * asked < total < asked  # MicroPython's own tables come off it


@pytest.mark.parametrize("heap_bytes", [5 << 20, 4 << 20, 1000])
def test_a_heap_the_board_cannot_have_is_refused_at_boot(machine, heap_bytes):
    words = machine(heap_bytes=heap_bytes).start().last_words()
    found = re.search(r"HIL-BOOT a heap of (\d+) bytes was asked for: possible are (\d+) to", words)
    assert found, words
    assert int(found.group(1)) == heap_bytes


def test_the_whole_stack_is_painted_and_use_scratches_it_from_the_top(board):
    symbols = board.firmware.symbols

    def peak_bytes():
        stack = board.memory(symbols["hil_stack_bottom"], symbols["hil_stack_top"])
        untouched = 0
        while stack.startswith(PAINT, untouched):
            untouched += len(PAINT)
        return len(stack) - untouched

    shallow = peak_bytes()
    assert 100 < shallow < 4096
    board.run("def deeper(n):\n    return n and deeper(n - 1)\ndeeper(20)")
    deep = peak_bytes()
    assert shallow + 20 * 100 < deep < 16384


def test_endless_recursion_is_an_exception_and_not_a_crash(board):
    board.run("def endless(n):\n    return endless(n + 1)")
    for _ in range(2):
        board.send("endless(0)")
        assert "RuntimeError: maximum recursion depth exceeded" in board.answer()[1]
    assert board.evaluate("1 + 1") == 2


def test_a_soft_reboot_gives_a_fresh_heap(board):
    board.run("kept = bytearray(20000)")
    board.console.sendall(b"\x04")
    board.until(b"soft reboot")
    board.until(RAW_PROMPT)
    assert board.evaluate("__import__('gc').mem_alloc()") < 10000


def fault(board, program):
    board.send("import machine, micropython\n" + program)
    words = board.last_words()
    lines = [line for line in words.splitlines() if line.startswith("HIL-FAULT")]
    assert len(lines) == 1, words
    return dict(re.findall(r"(\w+)=([0-9a-f]{8})", lines[0])), lines[0]


@pytest.mark.parametrize(
    ("address", "program"),
    [
        (0x20400000, "machine.mem32[0x20400000]"),
        (0x00000000, "machine.mem32[0] = 1"),
        (0xF0000000, "machine.mem32[0xf0000000]"),
        (0x1FFFFFFC, "machine.mem32[0x1ffffffc] = 1"),
    ],
)
def test_a_wild_access_ends_the_machine_with_one_line_that_says_where(board, address, program):
    registers, _ = fault(board, program)
    assert int(registers["mmfar"], 16) == address
    text = board.firmware.flash_bytes
    assert 0 < int(registers["pc"], 16) < text
    bottom, top = (board.firmware.symbols[f"hil_stack_{end}"] for end in ("bottom", "top"))
    assert bottom < int(registers["sp"], 16) <= top


def test_a_stack_overflow_in_machine_code_is_caught(board):
    _, line = fault(
        board,
        "@micropython.asm_thumb\n"
        "def overflow():\n"
        "    label(AGAIN)\n"
        "    push({r4, r5, r6, r7})\n"
        "    b(AGAIN)\n"
        "overflow()",
    )
    assert " stack-overflow " in line


def test_reset_ends_the_machine_without_an_error(board):
    board.send("import machine\nmachine.reset()")
    assert "HIL-FAULT" not in board.last_words()
    assert board.process.returncode == 0
