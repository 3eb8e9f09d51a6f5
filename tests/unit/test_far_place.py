"""Boards at labgrid places: what lab.toml says of them, and what is said where labgrid is not."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from hil import readiness, target
from hil.errors import InfraError, MissingTool, TargetFileError
from hil.lab import far_boards, inventory, place_keeper
from hil.lab.holding import with_port
from hil.lab.holdings import Holdings
from hil.target import FarPlace

SIMULATED = Path(__file__).parents[1] / "simboard" / "targets"
BOARD = '[boards.far]\ntarget = "simulated-esp32"\n'
AT = 'coordinator = "lab.example"\n'


@pytest.fixture(autouse=True)
def _no_coordinator_of_the_machines(monkeypatch):
    monkeypatch.delenv("LG_COORDINATOR", raising=False)


@pytest.fixture(scope="module")
def kinds() -> dict[str, target.Target]:
    return {"unix": target.load_all()["unix"], **target.load_all(SIMULATED)}


def loaded(tmp_path, kinds, text: str) -> inventory.Inventory:
    path = tmp_path / "lab.toml"
    path.write_text(text)
    return inventory.load(path, kinds)


def far(tmp_path, kinds, text: str) -> FarPlace:
    (board,) = loaded(tmp_path, kinds, text).boards.values()
    assert board.is_reachable
    assert "port" not in board.boot.arguments  # that of its target file is not the place's
    assert board.boot.arguments["reset"] == "esp"
    return board.place.far


def test_a_place_has_a_name_or_tags_and_a_coordinator(tmp_path, kinds):
    text = f'{BOARD}place = "esp-1"\nplace_port = "console"\n{AT}'
    assert far(tmp_path, kinds, text) == FarPlace("lab.example:20408", "esp-1", {}, "console")
    text = f'{BOARD}place_tags = {{ chip = "esp32", site = "b" }}\ncoordinator = "10.0.0.1:99"\n'
    tags = {"chip": "esp32", "site": "b"}
    assert far(tmp_path, kinds, text) == FarPlace("10.0.0.1:99", None, tags)


def test_the_coordinator_is_the_boards_or_the_labs_or_labgrids(tmp_path, kinds, monkeypatch):
    monkeypatch.setenv("LG_COORDINATOR", "of-the-machine:1")
    text = f'{BOARD}place = "esp-1"\n'
    assert far(tmp_path, kinds, text).coordinator == "of-the-machine:1"
    text = f'[lab]\ncoordinator = "[::1]:2"\n{text}'
    assert far(tmp_path, kinds, text).coordinator == "[::1]:2"
    assert far(tmp_path, kinds, text + AT).coordinator == "lab.example:20408"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('place = "a"  # HERE\n', "coordinator: missing: host:port, here, in [lab], or in $LG_"),
        (f'{AT}place = "a"\nport = "/dev/x"  # HERE\n', "port: the place says which port it has"),
        (f'{AT}place = "a"\nplace_tags = {{ ab = "c" }}  # HERE\n', "place_tags: a place has a na"),
        (f"{AT}place_tags = {{}}  # HERE\n", "place_tags: names no tag"),
        (f'{AT}place_tags = "ab=c"  # HERE\n', "place_tags: must be a table of strings, not a st"),
        (f"{AT}place_tags = {{ ab = 3 }}  # HERE\n", "place_tags: ab: 3 is no string of the form"),
        (f'{AT}place_tags = {{ Ab = "c" }}  # HERE\n', "place_tags: 'Ab' does not have the form"),
        ('coordinator = "http://x"  # HERE\nplace = "a"\n', "coordinator: 'http://x' does not hav"),
        ('port = "/dev/x"\ncoordinator = "x"  # HERE\n', "coordinator: needs `place` or `place_ta"),
        (
            f'{AT}place = "a"\n[boards.two]\ntarget = "simulated-esp32"\n'
            'coordinator = "lab.example:20408"\nplace = "a"  # HERE\n',
            "boards.two.place: is the place of far too",
        ),
    ],
)
def test_what_is_wrong_is_told_with_file_line_and_key(tmp_path, kinds, text, problem):
    with pytest.raises(TargetFileError, match=re.escape(problem)) as refused:
        loaded(tmp_path, kinds, BOARD + text)
    lines = (BOARD + text).splitlines()
    marked = [number for number, line in enumerate(lines, 1) if "# HERE" in line]
    if "missing" not in problem:  # that one has no line of its own
        assert refused.value.line == marked[0]


def test_an_emulated_board_has_no_place(tmp_path, kinds):
    with pytest.raises(TargetFileError, match=r"boards\.far\.place: unix is process: only boards"):
        loaded(tmp_path, kinds, f'[boards.far]\ntarget = "unix"\nplace = "a"\n{AT}')


def test_without_labgrid_the_listing_and_a_run_say_how_to_install_it(tmp_path, kinds, monkeypatch):
    monkeypatch.setattr(readiness, "find_spec", lambda name: None)
    monkeypatch.setattr(far_boards, "find_spec", lambda name: None)
    lab = loaded(tmp_path, kinds, f'{BOARD}place = "esp-1"\n{AT}')
    (board,) = lab.boards.values()
    assert "labgrid: pip install 'pytest-hil[labgrid]'" in readiness.missing(board)
    holdings = Holdings(tmp_path / "leases", "a test")
    with pytest.raises(MissingTool, match=r"labgrid is not installed; .*'pytest-hil\[labgrid\]'"):
        holdings.hold(board)
    holdings.release_all()
    # Somebody who names its port does not need it.
    held = holdings.hold(with_port(board, "rfc2217://desk.example:4001"))
    assert held.key == "desk.example:4001"
    holdings.release_all()


def test_a_keeper_that_ends_is_infrastructure_with_what_it_said(tmp_path, kinds, monkeypatch):
    monkeypatch.setattr(far_boards, "find_spec", lambda name: object())
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\necho no such interpreter >&2\nexit 3\n")
    program.chmod(0o755)
    monkeypatch.setattr(far_boards.sys, "executable", str(program))
    (board,) = loaded(tmp_path, kinds, f'{BOARD}place = "esp-1"\n{AT}').boards.values()
    with pytest.raises(InfraError, match=r"(?s)place esp-1, coordinator lab\.example.*no such"):
        Holdings(tmp_path / "leases", "a test").hold(board)


def test_a_keeper_without_labgrid_says_what_is_missing(tmp_path):
    request = place_keeper.Request("b", "x:1", "p", {}, None, str(tmp_path), "job", 1, 0.0)
    blocked = "import sys; sys.modules['labgrid'] = None; sys.modules['grpc'] = None; "
    start = "import asyncio; from hil.lab import place_keeper; asyncio.run(place_keeper.main())"
    done = subprocess.run(
        [sys.executable, "-c", blocked + start],
        input=json.dumps(vars(request)) + "\n",
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert set(json.loads(done.stdout)) == {"missing"}
