"""Healing: the order of the rungs, their end, marks, switches; the board is a function."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest

from hil import cli, errors, target
from hil.heal import absence, ladder, marks, power
from hil.heal.healer import Healer
from hil.heal.ladder import Patient
from hil.lab import inventory
from hil.lab.holding import Held
from hil.lab.lease import Leases

SIMULATED = Path(__file__).parents[1] / "simboard" / "targets"
KEY = "desk:4001"
SILENT = errors.BoardUnwell("esp is silent: nothing came over its port")
OTHER = errors.WrongFirmware("esp runs MicroPython 1.24.0, not 1.25.0")


class Switch:
    """A switch that notes when it is used, or fails."""

    def __init__(self, problem: Exception | None = None) -> None:
        self.cycles: list[float] = []
        self._problem = problem

    def cycle(self, off_s: float) -> None:
        if self._problem is not None:
            raise self._problem
        self.cycles.append(off_s)


@pytest.fixture
def board() -> target.Target:
    facts = target.load(SIMULATED / "simulated-esp32.toml")
    boot = dataclasses.replace(facts.boot, arguments={"port": "rfc2217://desk:4001"})
    return dataclasses.replace(facts, name="esp", boot=boot)


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def patient(board, tmp_path, said) -> Patient:
    return Patient(Held(board, KEY, Switch()), tmp_path, 1.0, said.append)


def flashable(patient: Patient, tmp_path: Path, monkeypatch, *, left_s: list[float]) -> Patient:
    """Return a board that can be flashed, by a method that notes the time it is given."""
    file = tmp_path / "firmware.bin"
    file.write_bytes(b"\xe9")

    def method(request, done):
        left_s.append(request.limit_s)
        done("write", "1 byte")

    monkeypatch.setitem(ladder.METHODS, "esptool", method)
    facts = dataclasses.replace(patient.held.target, flash={"method": "esptool"})
    held = dataclasses.replace(patient.held, target=facts)
    return dataclasses.replace(patient, held=held, firmware=file)


class Attempts:
    """What each attempt ends with; notes how long the board may take to come up."""

    def __init__(self, *outcomes: object) -> None:
        self._outcomes = list(outcomes)
        self.boot_s: list[float] = []

    def __call__(self, board: target.Target) -> object:
        self.boot_s.append(board.timeouts.boot_s)
        outcome = self._outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


def test_a_power_cycle_of_two_seconds_comes_first(patient, said):
    assert ladder.climb(patient, Attempts("well"), SILENT) == "well"
    assert patient.switch.cycles == [2.0]
    assert said == ["esp is silent: nothing came over its port; trying: power cycle"]
    assert marks.read(patient.folder, KEY) is None


def test_reflashing_comes_after_it_with_the_time_that_is_left(patient, tmp_path, monkeypatch):
    given: list[float] = []
    ill = flashable(patient, tmp_path, monkeypatch, left_s=given)
    assert ladder.climb(ill, Attempts(SILENT, "well"), SILENT) == "well"
    assert patient.switch.cycles == [2.0]
    assert 0 < given[0] <= ill.held.target.timeouts.heal_s


def test_wrong_firmware_is_flashed_at_once(patient, tmp_path, monkeypatch):
    given: list[float] = []
    ill = flashable(patient, tmp_path, monkeypatch, left_s=given)
    assert ladder.climb(ill, Attempts("well"), OTHER) == "well"
    assert patient.switch.cycles == []
    assert len(given) == 1


def test_a_board_that_nothing_heals_is_marked_with_what_was_tried(patient, tmp_path, monkeypatch):
    ill = flashable(patient, tmp_path, monkeypatch, left_s=[])
    with pytest.raises(errors.BoardWedged, match=r"power cycle and reflash did not heal it"):
        ladder.climb(ill, Attempts(SILENT, OTHER), SILENT)
    mark = marks.read(tmp_path, KEY)
    assert mark is not None
    assert (mark.board, mark.tried) == ("esp", ("power cycle", "reflash"))
    assert mark.reason == str(OTHER)


def test_without_a_switch_and_a_permission_it_is_wedged_at_once(patient):
    ill = dataclasses.replace(patient, held=dataclasses.replace(patient.held, power=None))
    with pytest.raises(errors.BoardWedged, match="nothing else can be done to it"):
        ladder.climb(ill, Attempts(), SILENT)


def test_no_rung_is_begun_after_the_time_and_the_last_boot_is_short(patient, tmp_path, monkeypatch):
    ill = flashable(patient, tmp_path, monkeypatch, left_s=[])
    clock = iter((0.0, 1.0, 59.5, 60.5))
    monkeypatch.setattr(ladder.time, "monotonic", lambda: next(clock))
    attempts = Attempts(SILENT)
    with pytest.raises(errors.BoardWedged, match="power cycle did not heal it"):
        ladder.climb(ill, attempts, SILENT)
    assert attempts.boot_s == [2.0]  # and not 20


@pytest.mark.parametrize("problem", [errors.InfraError("no hub"), errors.HilError("place is gone")])
def test_a_switch_that_fails_says_nothing_about_the_board(patient, problem):
    held = dataclasses.replace(patient.held, power=Switch(problem))
    with pytest.raises(errors.InfraError, match=str(problem)):
        ladder.climb(dataclasses.replace(patient, held=held), Attempts(), SILENT)
    assert marks.read(patient.folder, KEY) is None


def test_an_error_that_no_rung_is_for_ends_the_climb_without_a_mark(patient):
    stray = errors.BootError("module hil_agent comes from a stray file")
    with pytest.raises(errors.BootError, match="stray"):
        ladder.climb(patient, Attempts(stray), SILENT)
    assert marks.read(patient.folder, KEY) is None


def test_a_process_does_not_try_a_board_again_that_it_could_not_heal(board, tmp_path):
    healer = Healer(tmp_path, 1.0)
    held = Held(board, KEY)
    attempts = Attempts(SILENT)
    for _ in range(2):
        with pytest.raises(errors.BoardWedged, match="esp is wedged"):
            healer.boot(held, None, attempts, None)  # type: ignore[arg-type]
    assert len(attempts.boot_s) == 1


def test_a_board_that_nobody_can_take_away_is_only_booted(board, tmp_path):
    with pytest.raises(errors.BoardUnwell):
        Healer(tmp_path, 1.0).boot(Held(board, None), None, Attempts(SILENT), None)  # type: ignore[arg-type]


class Plug:
    """A board that is there after so many looks, or when its power has been switched on."""

    def __init__(self, board: target.Target, *, looks: int | None = None) -> None:
        self.looked = 0
        self._board = board
        self._looks = looks

    def __call__(self) -> Held:
        self.looked += 1
        if self._looks is not None and self.looked > self._looks:
            return Held(self._board, KEY)
        raise errors.BoardUnwell("no port: looked for usb_serial 0001")

    def cycle(self, off_s: float) -> None:
        self._looks = self.looked


@pytest.fixture
def _quick(monkeypatch):
    monkeypatch.setattr(absence, "_RETURN_S", 0.05)
    monkeypatch.setattr(absence, "_LOOK_S", 0.01)


def _switched_by(plug: Plug | Switch | None, monkeypatch) -> None:
    monkeypatch.setattr(absence.power, "switch_of", lambda _: plug)


@pytest.mark.usefixtures("_quick")
def test_a_board_without_power_that_is_not_there_gets_it_back(board, monkeypatch, said):
    plug = Plug(board)
    _switched_by(plug, monkeypatch)
    assert absence.hold(board, plug, said.append).key == KEY
    assert said == ["esp is not there; trying: power cycle"]


@pytest.mark.usefixtures("_quick")
def test_a_board_whose_power_somebody_switches_at_this_moment_is_waited_for(board, monkeypatch):
    switch = Switch()
    _switched_by(switch, monkeypatch)
    assert absence.hold(board, Plug(board, looks=2)).key == KEY
    assert switch.cycles == []


@pytest.mark.usefixtures("_quick")
@pytest.mark.parametrize("switch", [None, Switch(), Switch(errors.InfraError("no hub"))])
def test_a_board_that_is_not_there_is_looked_for_by_one_test_only(
    board, monkeypatch, tmp_path, switch
):
    _switched_by(switch, monkeypatch)
    plug, healer = Plug(board), Healer(tmp_path, 1.0)
    with pytest.raises((errors.BoardWedged, errors.InfraError), match=r"not there|no hub"):
        healer.hold(board, plug, None)
    looked = plug.looked
    with pytest.raises((errors.BoardWedged, errors.InfraError)):
        healer.hold(board, plug, None)
    assert plug.looked == looked
    assert marks.listed(tmp_path) == []


def test_a_mark_keeps_the_time_since_when(tmp_path):
    marks.write(tmp_path, "esp", KEY, "silent", ())
    first = marks.read(tmp_path, KEY)
    assert first is not None
    path = next(tmp_path.glob("*.wedged.json"))
    path.write_text(path.read_text().replace(first.since_utc, "2020-01-01T00:00:00Z"))
    marks.write(tmp_path, "esp", KEY, "still silent", ("power cycle",))
    (mark,) = marks.listed(tmp_path)
    assert (mark.since_utc, mark.reason) == ("2020-01-01T00:00:00Z", "still silent")
    marks.clear(tmp_path, KEY)
    marks.clear(tmp_path, KEY)
    assert marks.listed(tmp_path) == []


def test_a_mark_that_cannot_be_read_says_which_file(tmp_path):
    marks.write(tmp_path, "esp", KEY, "silent", ())
    path = next(tmp_path.glob("*.wedged.json"))
    path.write_text("{")
    with pytest.raises(errors.HilError, match=f"{path}: no readable mark"):
        marks.read(tmp_path, KEY)


def test_locks_lists_marks_beside_leases(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "140")
    marks.write(tmp_path, "esp", KEY, "esp is silent\nconsole: nothing", ("power cycle",))
    leases = Leases(tmp_path, "pytest")
    leases.hold("esp", KEY)
    assert cli.main(["locks", "--leases", str(tmp_path)]) == 0
    leases.release_all()
    out = capsys.readouterr().out
    locked, _, wedged = out.partition("marked as wedged:")
    assert "pytest" in locked
    assert "esp is silent" in wedged
    assert "power cycle" in wedged
    assert "nothing" not in wedged


@pytest.fixture
def hub(tmp_path, monkeypatch) -> Path:
    """A uhubctl that notes what it is told."""
    program = tmp_path / "bin" / "uhubctl"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/told\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    return tmp_path / "told"


def test_a_hub_is_switched_by_uhubctl(board, hub):
    switch = power.switch_of(dataclasses.replace(board, identify={"hub_port": "1-1.2:3"}))
    assert switch is not None
    switch.cycle(0)
    assert hub.read_text() == "-l 1-1.2 -p 3 -a off\n-l 1-1.2 -p 3 -a on\n"


def test_a_missing_program_is_named_with_the_way_to_install_it(board, monkeypatch):
    monkeypatch.setattr(power.process.shutil, "which", lambda name: None)
    switch = power.HubSwitch("esp", "1-1:2")
    with pytest.raises(errors.InfraError, match="apt-get install uhubctl"):
        switch.cycle(0)


def test_a_command_runs_where_the_lab_is_and_is_switched_on_after_a_failure(tmp_path):
    (tmp_path / "switch").write_text('pwd > where\necho "$1" >> told\ntest "$1" = on\n')
    switch = power.CommandSwitch("esp", ("sh", "switch", "{action}"), tmp_path)
    with pytest.raises(errors.InfraError, match="esp: the switch of its power: `sh switch off`"):
        switch.cycle(0)
    assert (tmp_path / "told").read_text() == "off\non\n"
    assert Path((tmp_path / "where").read_text().strip()) == tmp_path.resolve()


def test_power_comes_back_when_the_user_loses_patience(tmp_path, monkeypatch):
    def interrupted(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(power.time, "sleep", interrupted)
    (tmp_path / "switch").write_text('echo "$1" >> told\n')
    switch = power.CommandSwitch("esp", ("sh", "switch", "{action}"), tmp_path)
    with pytest.raises(KeyboardInterrupt):
        switch.cycle(2)
    assert (tmp_path / "told").read_text() == "off\non\n"


LAB = '[boards.desk]\ntarget = "simulated-esp32"\nport = "socket://h:1"\n'


def refusal(tmp_path: Path, lines: str) -> str:
    (tmp_path / "lab.toml").write_text(LAB + lines)
    with pytest.raises(errors.TargetFileError) as raised:
        inventory.load(tmp_path / "lab.toml", target.load_all(SIMULATED))
    return str(raised.value)


def test_a_lab_says_how_a_board_is_healed(tmp_path):
    (tmp_path / "lab.toml").write_text(LAB + "power = \"sh switch 'x y' {action}\"\nfirmware = 'f'")
    lab = inventory.load(tmp_path / "lab.toml", target.load_all(SIMULATED))
    place = lab.boards["simulated-esp32@desk"].place
    assert place is not None
    assert place.power == ("sh", "switch", "x y", "{action}")
    assert place.firmware == tmp_path / "f"
    assert not place.reflash


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ('power = "sh switch"', "lab.toml:4: boards.desk.power: must have {action}"),
        ('power = ["sh", "switch"]', "must have {action} in an argument"),
        ('power = "sh \'switch {action}"', "is no command: No closing quotation"),
        ("power = 3", "must be a string, not"),
        ("reflash = true", "boards.desk.reflash: needs the key `firmware`"),
        ('reflash = true\nfirmware = "f"', "simulated-esp32.toml has no [flash]"),
        ('hub_port = "second"', "boards.desk.hub_port: 'second' does not have the form"),
    ],
)
def test_what_a_lab_says_wrong_of_healing_is_refused_with_its_line(tmp_path, lines, said):
    assert said in refusal(tmp_path, lines)
