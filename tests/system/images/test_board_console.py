"""Every image boots, offers what on-target code needs, and has a dependable console."""

import hashlib
import time

import pytest

from hil import build, image

PROMPT = b">>> "
RAW_PROMPT = b"raw REPL; CTRL-B to exit\r\n>"
BOOT_INSTRUCTIONS = 1_000_000
COMPILES_NATIVE_CODE = pytest.mark.only_on("cortexm", "cortexm4", "cortexm33", "riscv32")


def test_the_prompt_comes_within_its_instructions(machine, facts):
    # What is typed before the start waits in QEMU, so that the clock, which counts instructions,
    # has not gone on alone when it is asked.
    fresh = machine()
    fresh.console.sendall(b"\rimport time\rprint(time.ticks_us(), 'us')\r")
    fresh.start()
    fresh.until(b"'us')")
    elapsed_us = int(fresh.until(b" us").split()[-1])
    instructions = elapsed_us * 1000 >> facts.boot.arguments["icount_shift"]
    print(f"{facts.name}: {instructions} instructions from reset until the clock was asked")
    assert 0 < instructions < BOOT_INSTRUCTIONS


def test_the_banner_names_version_and_core(machine, firmware, facts):
    banner = machine().start().until(PROMPT).decode()
    assert f"MicroPython v{firmware.micropython}" in banner
    assert f" with {facts.cpu}" in banner


def test_console_input_arrives_without_a_debugger_or_monitor_attached(machine):
    # Without instruction counting too, whose timers would stir QEMU's main loop.
    alone = machine(qmp=False, shift=None)
    alone.until(PROMPT)
    time.sleep(0.2)  # whatever the start stirred up in QEMU has settled
    alone.console.sendall(b"\x01")
    alone.until(RAW_PROMPT)
    assert alone.evaluate("6 * 7") == 42


@pytest.mark.not_on("lm3s6965-dtls-client")  # no binascii, no struct, no pow with a modulus
def test_it_offers_what_on_target_code_needs(board, facts):
    board.run(
        "import gc, time, hashlib, select, binascii, struct, micropython, machine, sys, errno"
    )
    digest = board.evaluate("hashlib.sha256(b'abc').digest()")
    assert digest == hashlib.sha256(b"abc").digest()
    assert board.evaluate("pow(3, 1 << 70, (1 << 255) - 19)") == pow(3, 1 << 70, (1 << 255) - 19)
    assert board.evaluate("struct.unpack('>IH', b'\\x01\\x02\\x03\\x04\\x05\\x06')") == (
        0x01020304,
        0x0506,
    )
    assert board.evaluate("sys.implementation[0], sys.byteorder") == ("micropython", facts.endian)
    assert "GC: total:" in board.run("micropython.mem_info()")
    stack_bottom, stack_top = board.stack()
    assert 0 < board.evaluate("micropython.stack_use()") < stack_top - stack_bottom
    assert board.evaluate(f"machine.mem32[{stack_bottom}] & 0xffffffff") == 0xA5A5A5A5


def test_it_has_neither_files_nor_floats_nor_foreign_cryptography(board):
    for module in ("tls", "ssl", "cryptolib", "os", "vfs", "math"):
        board.send(f"import {module}")
        assert "ImportError" in board.answer()[1], module
    board.send("open('x')")
    assert (
        board.answer()[1]
        .rstrip()
        .endswith(
            (
                "OSError: [Errno 2] ENOENT",
                "NameError: name 'open' isn't defined",
                "NameError: name not defined",  # where errors are short
            )
        )
    )


def test_every_module_of_the_core_is_there(board, facts):
    for module in build.modules_of(image.load(facts.image)):
        name = module.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        board.run(f"import {name}")


@COMPILES_NATIVE_CODE
def test_native_and_viper_code_run(board):
    board.run(
        "import micropython\n"
        "@micropython.viper\n"
        "def viper(a: int, b: int) -> int:\n    return a * b\n"
        "@micropython.native\n"
        "def native(n):\n    return sum(range(n))\n"
    )
    assert board.evaluate("viper(6, 7), native(10)") == (42, 45)


@pytest.mark.parametrize("program", ["while True: pass", "import time\ntime.sleep_ms(100000)"])
def test_ctrl_c_stops_a_program(board, program):
    board.send("print('running')\n" + program)
    board.until(b"running")
    board.console.sendall(b"\x03")
    assert b"KeyboardInterrupt" in board.until(b"\x04>")


def test_raw_paste_with_flow_control_takes_a_program_larger_than_any_buffer(board):
    program = b"total = 0\n" + b"total += 1\n" * 400 + b"print(total)\n"
    board.console.sendall(b"\x05A\x01")
    board.until(b"R\x01")
    window = int.from_bytes(board.take(2), "little")
    assert 0 < window <= 1024
    free, sent = window, 0
    while sent < len(program):
        while free == 0:
            assert board.take(1) == b"\x01"
            free += window
        piece = program[sent : sent + free]
        board.console.sendall(piece)
        sent += len(piece)
        free -= len(piece)
    board.console.sendall(b"\x04")
    assert board.until(b"\x04>").lstrip(b"\x01") == b"\x04400\r\n\x04"


def test_a_flood_on_the_console_of_a_busy_board_is_held_back_not_dropped(board):
    board.send("import sys, time\ntime.sleep_ms(200)\nprint(len(sys.stdin.read(5000)))")
    board.until(b"OK")
    board.console.sendall(b"x" * 5000)
    assert board.until(b"\x04>").startswith(b"5000\r\n")
