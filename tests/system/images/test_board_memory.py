"""Every image's memory: heap chosen at boot, painted stack, and a clear end of it all."""

import re

import pytest

from hil.measure import painted_stack_peak

PAINT = b"\xa5\xa5\xa5\xa5"
RAW_PROMPT = b"raw REPL; CTRL-B to exit\r\n>"
# Images whose core can forbid memory.
PROTECTS_MEMORY = pytest.mark.only_on("cortexm", "cortexm4", "cortexm33", "riscv32", "lm3s6965")


TOTAL = "(lambda gc: gc.mem_free() + gc.mem_alloc())(__import__('gc'))"


@pytest.mark.parametrize("share", [None, 4, 3, 2])
def test_the_heap_has_the_size_chosen_at_boot(machine, facts, share):
    asked = facts.ram_bytes // share // 1024 * 1024 if share else None
    total = machine(heap_bytes=asked).start().raw_repl().evaluate(TOTAL)
    asked = asked or min(65536, most_heap_bytes(machine, facts))
    assert 0.97 * asked < total < asked  # MicroPython's own tables come off it


def test_the_largest_possible_heap_is_usable_to_its_end(machine, facts):
    most = most_heap_bytes(machine, facts)
    board = machine(heap_bytes=most).start().raw_repl()
    assert board.evaluate(TOTAL) > 0.97 * most
    longest = board.run(
        "import gc\nkept = None\nlongest = gc.mem_free()\n"
        "while kept is None:\n"
        "    try:\n        kept = bytearray(longest)\n"
        "    except MemoryError:\n        longest -= 64\n"
        "for i in range(0, longest, 16):\n    kept[i] = 255\n"
        "kept = None\nprint(longest)"
    )
    assert int(longest) > 0.9 * most - 8192


@pytest.mark.parametrize("beyond", [1 << 20, 0, None])
def test_a_heap_the_board_cannot_have_is_refused_at_boot(machine, facts, beyond):
    asked = 1000 if beyond is None else facts.ram_bytes + beyond
    words = machine(heap_bytes=asked).start().last_words()
    found = re.search(r"HIL-BOOT a heap of (\d+) bytes was asked for: possible are (\d+) to", words)
    assert found, words
    assert int(found.group(1)) == asked


def most_heap_bytes(machine, facts):
    """Ask for too much and read from the refusal how much there could have been."""
    words = machine(heap_bytes=facts.ram_bytes).start().last_words()
    return int(re.search(r"possible are \d+ to (\d+)", words).group(1))


def test_the_whole_stack_is_painted_and_use_scratches_it_from_the_top(board):
    bottom, top = board.stack()

    def peak_bytes():
        figure = painted_stack_peak(board.memory(bottom, top), PAINT, "memory")
        return figure.value

    shallow = peak_bytes()
    assert 100 < shallow < 4096
    # What Python calls is on its own stack, from the bottom; a class is called by way of C.
    board.run("def deeper(n):\n    return n and deeper(n - 1)\ndeeper(20)")
    deep = peak_bytes()
    assert shallow + 20 * 40 < deep < top - bottom
    board.run("class Deeper:\n    def __init__(self, n):\n        n and Deeper(n - 1)\nDeeper(8)")
    assert deep + 8 * 100 < peak_bytes() < top - bottom


def test_endless_recursion_is_an_exception_and_not_a_crash(board):
    board.run("def endless(n):\n    return endless(n + 1)")
    for _ in range(2):
        board.send("endless(0)")
        assert "RuntimeError: pystack exhausted" in board.answer()[1]
    board.run("class Endless:\n    def __init__(self):\n        Endless()")
    for _ in range(2):
        board.send("Endless()")
        assert "RuntimeError: " in board.answer()[1]
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


@PROTECTS_MEMORY
@pytest.mark.parametrize(
    ("symbol", "offset", "write"),
    [
        ("hil_ram_end", 0, False),
        ("hil_flash_start", 0, True),
        ("hil_stack_bottom", -4, True),
        (None, 0xF0000000, False),
    ],
    ids=["beyond RAM", "writing to flash", "below the stack", "nowhere"],
)
def test_a_wild_access_ends_the_machine_with_one_line_that_says_where(board, symbol, offset, write):
    symbols = board.firmware.symbols
    address = symbols.get(symbol, 0) + offset & 0xFFFFFFFC
    registers, _ = fault(board, f"machine.mem32[{address}]" + (" = 1" if write else ""))
    assert int(registers["address"], 16) == address
    flash_start = symbols["hil_flash_start"]
    assert flash_start < int(registers["pc"], 16) < flash_start + board.firmware.flash_bytes
    bottom, top = board.stack()
    assert bottom < int(registers["sp"], 16) <= top


@PROTECTS_MEMORY
def test_a_stack_overflow_in_c_code_is_caught(board):
    # The compiler calls itself for each sign, without looking at the stack.
    bottom, top = board.stack()
    registers, line = fault(board, f"exec('-' * {(top - bottom) // 11} + 'x')")
    assert " stack-overflow" in line
    assert abs(int(registers["sp"], 16) - bottom) <= 64


def test_reset_ends_the_machine_without_an_error(board):
    board.send("import machine\nmachine.reset()")
    assert "HIL-FAULT" not in board.last_words()
    assert board.process.returncode == 0
