"""The cortexm image's clock: exact under instruction counting, and never going back."""

import pytest

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


def test_the_same_work_takes_the_same_instructions_to_one_tick(machine):
    def measured():
        fresh = machine().start().raw_repl()
        fresh.run(LOOP)
        return [fresh.evaluate("ticks(10000)") for _ in range(3)]

    for first, second in zip(measured(), measured(), strict=True):
        assert abs(first - second) <= 1


def test_a_tick_is_five_instructions_at_shift_3_and_forty_at_shift_0(machine):
    ticks = {}
    for icount in ("shift=0", "shift=3"):
        fresh = machine(icount=icount).start().raw_repl()
        fresh.run(LOOP)
        ticks[icount] = fresh.evaluate("ticks(20000)")
    # 25 MHz: a tick is 40 ns, an instruction takes 1 ns or 8 ns.
    assert ticks["shift=3"] * 5 == pytest.approx(ticks["shift=0"] * 40, rel=1e-4)


def test_ticks_never_go_back_when_the_hardware_timer_wraps(board):
    # The timer counts down from 2**32 - 1; put it 40 ms before its end.
    board.run("import machine, time\nmachine.mem32[0x40000004] = 1000000")
    result = board.run(
        "last = time.ticks_us()\nbad = 0\n"
        "for i in range(4000):\n"
        "    now = time.ticks_us()\n"
        "    step = time.ticks_diff(now, last)\n"
        "    if step < 0 or step > 10000:\n        bad += 1\n"
        "    last = now\n"
        "print(bad, machine.mem32[0x40000004] & 0xffffffff > 1000000)"
    )
    assert result.split() == ["0", "True"]


def test_sleeping_takes_as_long_on_the_boards_clock_as_asked(board):
    board.run("import time")
    for ms in (1, 20, 150):
        took = board.run(
            f"t = time.ticks_us()\ntime.sleep_ms({ms})\nprint(time.ticks_diff(time.ticks_us(), t))"
        )
        assert ms * 1000 <= int(took) < ms * 1000 + 20000
