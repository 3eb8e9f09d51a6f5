"""What can befall boards on cables, from the first run that meets it to the next one that works.

Each trouble is a function that is given a bench of its own. Whatever happened to the board and to
the run on it, at the end a run passes, nobody holds the board, and it is not marked.
"""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

import firmware
from simulated_bench import HANDSHAKE, Bench

PASSED = ["pass", "pass"]
# The first bytes of the ServerHello's record: the board is in the middle of a handshake.
SERVER_HELLO = "160303"
_CURED_BY_POWER = ("--cure=power",)


def _passes(bench: Bench, *boards: str, healed_by: str | None = None) -> None:
    """Check that a run passes on all boards, with or without healing, and leaves nothing."""
    run = bench.run()
    assert run.status == 0, run.said
    assert run.verdicts == dict.fromkeys(boards, PASSED), run.said
    if healed_by is None:
        assert bench.healing() == "", bench.healing()
    else:
        assert bench.healing().count(f"trying: {healed_by}") == len(boards), bench.healing()
    assert bench.marks() == []
    assert bench.is_free()


def _heals_by_power(bench: Bench, *options: str, lab: str = "") -> None:
    bench.board("sick", *options, *_CURED_BY_POWER, lab=lab)
    _passes(bench, "sick", healed_by="power cycle")
    _passes(bench, "sick")


def silent(bench: Bench) -> None:
    """It says nothing until its power is switched off and on."""
    _heals_by_power(bench, "--silent")


def stuck_in_boot_loader(bench: Bench) -> None:
    """It comes out of its boot loader by a power cycle only."""
    _heals_by_power(bench, "--circuit=esp", "--boot-held", lab='reset = "esp"\n')


def brown_out(bench: Bench) -> None:
    """It starts again and again until its power is switched off and on."""
    _heals_by_power(bench, "--restart=0.1")


def noise(bench: Bench) -> None:
    """Nothing gets through its line until its power is switched off and on."""
    _heals_by_power(bench, "--noise=0.3")


def lost_bytes(bench: Bench) -> None:
    """A third of all bytes get lost until its power is switched off and on."""
    _heals_by_power(bench, "--lost=0.3")


def wedged(bench: Bench) -> None:
    """Nothing heals it but a repair: it costs the next run a handshake, and then it is back."""
    bench.board("dead", "--silent")
    first = bench.run("-rs")
    assert first.status == 1, first.said
    assert first.verdicts == {"dead": ["wedged", "wedged"]}, first.said
    assert "power cycle did not heal it" in first.reasons[0]
    assert "SKIPPED [2]" in first.said
    assert bench.healing().count("trying: power cycle") == 1  # and the second test did not try
    (mark,) = bench.marks()
    assert (mark.board, mark.tried) == ("simulated-mbed@dead", ("power cycle",))
    listed = bench.hil("locks").stdout
    assert "no board is locked" in listed
    assert "simulated-mbed@dead" in listed.partition("marked as wedged")[2]
    again = bench.run()
    assert again.status == 1, again.said
    assert "does not pass a health handshake" in again.reasons[0]
    assert "power cycle" not in bench.healing()
    failed = bench.hil("heal", "lab:dead", "--target-dir=targets")
    assert failed.returncode == 1, failed
    assert bench.marks() == [mark]
    bench.repair("dead")
    run = bench.run()
    assert run.verdicts == {"dead": PASSED}, run.said
    assert "marked as wedged" in bench.healing()
    assert bench.marks() == []
    assert bench.is_free()


def healed_by_hand(bench: Bench) -> None:
    """`hil heal` takes the mark of a board away that answers again."""
    bench.board("dead", "--silent", power="true {action}")  # a switch that is not wired
    assert bench.run().verdicts == {"dead": ["wedged", "wedged"]}
    bench.repair("dead")
    healed = bench.hil("heal", "lab:dead", "--target-dir=targets")
    assert healed.returncode == 0, healed
    assert "simulated-mbed@dead is well" in healed.stdout
    assert "was marked as wedged" in healed.stdout
    _passes(bench, "dead")


def wrong_firmware(bench: Bench) -> None:
    """It runs another MicroPython than it should; the real esptool puts the right one on it."""
    lab = _firmware(bench)
    bench.chip("other", f"--firmware={bench.folder / 'wrong.bin'}", lab=lab)
    _passes(bench, "other", healed_by="reflash")
    assert "power cycle" not in bench.healing()
    _passes(bench, "other")


def empty_flash(bench: Bench) -> None:
    """There is nothing in its flash: a power cycle does not help, esptool does."""
    bench.chip("empty", lab=_firmware(bench))
    _passes(bench, "empty", healed_by="reflash")
    _passes(bench, "empty")


def wrong_firmware_that_stays(bench: Bench) -> None:
    """It runs another MicroPython, and the lab does not allow to flash it."""
    _firmware(bench)
    bench.chip("other", f"--firmware={bench.folder / 'wrong.bin'}")
    run = bench.run()
    assert run.verdicts == {"other": ["wedged", "wedged"]}, run.said
    assert "runs MicroPython 1.24.0" in run.reasons[0]
    assert "nothing else can be done to it" in run.reasons[0]
    argv = ["heal", "lab:other", "--target-dir=targets", "--firmware=right.bin"]
    healed = bench.hil(*argv)
    assert healed.returncode == 0, healed
    _passes(bench, "other")


def dies_in_mid_handshake(bench: Bench) -> None:
    """It falls silent in the middle of a handshake, until its power is switched off and on."""
    bench.board("sick", "--silent", f"--begins-at={SERVER_HELLO}", *_CURED_BY_POWER)
    _meets("hang", "hangs in tls_jobs:client", bench)
    assert _handshake(bench) == "pass"
    assert bench.healing().count("trying: power cycle") == 1
    assert bench.marks() == []
    assert bench.is_free()


def restarts_from_mid_handshake_on(bench: Bench) -> None:
    """Its supply breaks down in the middle of a handshake, and ever again."""
    bench.board("sick", "--restart=0.1", f"--begins-at={SERVER_HELLO}", *_CURED_BY_POWER)
    _meets("error", "died in tls_jobs:client", bench)
    assert _handshake(bench) == "pass"
    assert bench.healing().count("trying: power cycle") == 1


def noise_from_mid_handshake_on(bench: Bench) -> None:
    """Its line carries nothing any more until the board is reset, which every boot does."""
    bench.board("sick", "--noise=0.5", f"--begins-at={SERVER_HELLO}", "--cure=reset")
    _meets("hang", "hangs in tls_jobs:client", bench)
    assert _handshake(bench) == "pass"
    assert bench.healing() == ""


def no_server_of_its_port(bench: Bench) -> None:
    """What serves its port is not there; that says nothing about the board."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    bench.declare("gone", "simulated-mbed", f'port = "rfc2217://127.0.0.1:{port}"')
    run = bench.run("-rs")
    assert run.status == 1, run.said
    assert run.verdicts == {"gone": ["infra", "infra"]}, run.said
    assert "nobody serves it" in run.reasons[0]
    assert bench.marks() == []


def switch_that_fails(bench: Bench) -> None:
    """The switch of its power fails; that says nothing about the board."""
    bench.board("sick", "--silent", power="false {action}")
    run = bench.run()
    assert run.status == 1, run.said
    assert run.verdicts == {"sick": ["infra", "infra"]}, run.said
    assert "`false off` ended with exit status 1" in run.reasons[0]
    assert bench.marks() == []
    bench.repair("sick")
    _passes(bench, "sick")


def killed_while_its_power_is_off(bench: Bench) -> None:
    """The run is killed while the power is off: no lease, no process, and the next run heals."""
    told, dwell = bench.folder / "told", bench.folder / "dwell"
    os.mkfifo(told)
    dwell.touch()
    script = bench.folder / "switch.sh"
    script.write_text(
        f"{bench.switch('sick')} $1\nif [ -e {dwell} ]; then echo $$ > {told}; exec sleep 600; fi\n"
    )
    bench.board("sick", "--silent", *_CURED_BY_POWER, power=f"sh {script} {{action}}")
    with bench.start("-vv") as run:
        pid = int(told.read_text())
        assert not bench.is_free()
        run.send_signal(signal.SIGKILL)
    _await(lambda: not _runs(pid))
    assert bench.is_free()
    assert bench.marks() == []
    dwell.unlink()
    _passes(bench, "sick", healed_by="power cycle")


def killed_while_it_is_flashed(bench: Bench) -> None:
    """The run is killed in the middle of flashing: the next one flashes again."""
    bench.chip("empty", lab=_firmware(bench))
    with bench.start("-vv") as run:
        assert run.stdout is not None
        for line in run.stdout:
            if "reflash: connect" in line:
                run.send_signal(signal.SIGKILL)
                break
        else:
            raise AssertionError("it was not flashed")
    assert bench.is_free()
    _await(lambda: b"esptool" not in _commands_about(bench))
    _passes(bench, "empty", healed_by="reflash")
    _passes(bench, "empty")


TROUBLES: tuple[Callable[[Bench], None], ...] = (
    silent,
    stuck_in_boot_loader,
    brown_out,
    noise,
    lost_bytes,
    wedged,
    healed_by_hand,
    wrong_firmware,
    empty_flash,
    wrong_firmware_that_stays,
    dies_in_mid_handshake,
    restarts_from_mid_handshake_on,
    noise_from_mid_handshake_on,
    no_server_of_its_port,
    switch_that_fails,
    killed_while_its_power_is_off,
    killed_while_it_is_flashed,
)


def _firmware(bench: Bench) -> str:
    """Make files of firmware, right and wrong; return the lines of a lab that allow the right."""
    firmware.write(bench.folder / "right.bin", "simboard-modules")
    firmware.write(bench.folder / "wrong.bin", "simboard-modules", "1.24.0")
    return 'firmware = "right.bin"\nreflash = true\n'


def _meets(verdict: str, said: str, bench: Bench) -> None:
    """Check how a handshake ends in the middle of which the board falls ill."""
    run = bench.run(*HANDSHAKE)
    assert run.status == 1, run.said
    assert run.verdicts == {"sick": [verdict]}, run.said
    assert said in run.reasons[0]
    assert bench.is_free()


def _handshake(bench: Bench) -> str:
    run = bench.run(*HANDSHAKE, "--timeout-multiplier=4")
    (verdict,) = run.verdicts["sick"]
    return verdict if verdict == "pass" and run.status == 0 else run.said


def _await(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not done():
        assert time.monotonic() < deadline


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def _commands_about(bench: Bench) -> bytes:
    """Return the command lines of all processes that name the bench's folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = entry.read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if str(bench.folder).encode() in command:
            found.append(command)
    return b"\n".join(found)
