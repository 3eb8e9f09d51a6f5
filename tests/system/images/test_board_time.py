"""Every image's clock: exact under instruction counting, and never going back."""

from fractions import Fraction

import pytest

from hil import measure

LOOP = """
import time
def loop(n):
    for i in range(n):
        pass
def ticks(n):
    start = time.ticks_cpu()
    loop(n)
    return time.ticks_diff(time.ticks_cpu(), start)
"""
# The same in machine code: two instructions in each round.
THUMB_LOOP = """
import micropython
@micropython.asm_thumb
def loop(r0):
    label(AGAIN)
    sub(r0, 1)
    bne(AGAIN)
"""
RV32_LOOP = """
import micropython
@micropython.asm_rv32
def loop(a0):
    label(AGAIN)
    addi(a0, a0, -1)
    bne(a0, zero, AGAIN)
"""
MACHINE_LOOPS = dict.fromkeys(["cortexm", "cortexm4", "cortexm33"], THUMB_LOOP)
MACHINE_LOOPS["riscv32"] = RV32_LOOP
MACHINE_TICKS = LOOP[: LOOP.index("def loop")] + LOOP[LOOP.index("def ticks") :]


def instructions(ticks, facts):
    """Return the whole number of instructions that a stretch of `ticks` had."""
    return round(ticks * facts.instructions_per_tick)


def test_the_same_work_takes_the_same_instructions(machine, facts):
    def measured():
        fresh = machine().start().raw_repl()
        fresh.run(LOOP)
        return [instructions(fresh.evaluate("ticks(10000)"), facts) for _ in range(3)]

    assert measured() == measured()


def test_ticks_count_instructions_whatever_each_of_them_takes(machine, facts):
    counted = {}
    for shift in (0, 4):
        fresh = machine(shift=shift).start().raw_repl()
        fresh.run(LOOP)
        per_tick = measure.instructions_per_tick(facts.ticks_cpu_hz, shift)
        counted[shift] = fresh.evaluate("ticks(20000)") * per_tick
    assert float(counted[0]) == pytest.approx(float(counted[4]), rel=1e-4)
    assert 20000 * 100 < counted[0] < 20000 * 1000


def test_an_instruction_takes_so_many_ticks_that_they_tell_how_many_there_were(facts):
    # A stretch has less than one tick too many or too few, since it begins anywhere within one;
    # the MIPS board's clock loses another 3/4 of a tick, because it is made of a coarser one.
    wrong_by_ticks = Fraction(7, 4) if facts.image == "mips" else 1
    assert wrong_by_ticks * facts.instructions_per_tick < Fraction(1, 2)


@pytest.mark.only_on(*MACHINE_LOOPS)
def test_a_loop_of_known_length_takes_as_many_instructions_as_it_has(board, facts):
    board.run(MACHINE_LOOPS[facts.image] + MACHINE_TICKS)
    # The first call looks names up for longer; then the calls around the loop cancel out.
    _, *ticks = board.evaluate("[ticks(rounds) for rounds in (1, 10_000, 1_010_000)]")
    few, many = (instructions(each, facts) for each in ticks)
    assert many - few == 2_000_000  # two in each round


@pytest.mark.only_on("cortexm", "cortexm4", "cortexm33")
def test_ticks_never_go_back_when_the_hardware_timer_wraps(board, facts):
    # The timer counts down from 2**32 - 1; put it 10 ms before its end.
    counter = 0x50000004 if facts.image == "cortexm33" else 0x40000004
    board.run(f"import machine, time\nmachine.mem32[{counter}] = 200000")
    result = board.run(
        "last = time.ticks_us()\nbad = 0\n"
        "for i in range(4000):\n"
        "    now = time.ticks_us()\n"
        "    step = time.ticks_diff(now, last)\n"
        "    if step < 0 or step > 10000:\n        bad += 1\n"
        "    last = now\n"
        f"print(bad, machine.mem32[{counter}] & 0xffffffff > 200000)"
    )
    assert result.split() == ["0", "True"]


def test_sleeping_takes_as_long_on_the_boards_clock_as_asked(board):
    board.run("import time")
    for ms in (1, 20, 150):
        took = board.run(
            f"t = time.ticks_us()\ntime.sleep_ms({ms})\nprint(time.ticks_diff(time.ticks_us(), t))"
        )
        assert ms * 1000 <= int(took) < ms * 1000 + 20000
