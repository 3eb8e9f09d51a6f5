"""The script `farm`: which pytest it becomes."""

from __future__ import annotations

import importlib.util
from importlib.machinery import SourceFileLoader

import pytest

from hil import image, paths, target

SIDE_BY_SIDE = ["-n", "auto", "--dist", "loadgroup"]


@pytest.fixture(scope="module")
def farm():
    path = str(paths.checkout() / "farm")
    loader = SourceFileLoader("farm_script", path)
    spec = importlib.util.spec_from_loader("farm_script", loader)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


@pytest.fixture
def become(farm, monkeypatch):
    """Return the command that `./farm run` with these options becomes, as strings."""
    monkeypatch.setattr(farm, "execute", lambda command: [str(word) for word in command])
    return lambda *options: farm.run(list(options))


def holds(command: list[str], words: list[str]) -> bool:
    count = len(words)
    return any(command[at : at + count] == words for at in range(len(command)))


def test_the_matrix_is_the_farms_own_command(farm, monkeypatch):
    monkeypatch.setattr(farm, "execute", lambda command: [str(word) for word in command])
    command = farm.matrix(["--target=unix", "--quick"])
    assert command[0].endswith("/bin/hil")
    assert command[1:] == ["matrix", "--target=unix", "--quick"]


def test_boards_run_side_by_side_unless_told_otherwise(become):
    assert holds(become("--target=qemu-*"), SIDE_BY_SIDE)
    assert holds(become(), SIDE_BY_SIDE)


@pytest.mark.parametrize(
    "option", ["-n0", "-n=3", "--numprocesses=1", "--dist=load", "--pdb", "--tx=popen"]
)
def test_an_option_about_processes_is_the_users_own(become, option):
    command = become(option)
    assert command[-1] == option
    assert not holds(command, SIDE_BY_SIDE)


def test_what_is_chosen_is_not_chosen_again(become, farm):
    command = become("--target=unix")
    defaults = {f"{name}={value}" for name, value in farm.DEFAULT_OPTIONS.items()}
    assert len(defaults.intersection(command)) == len(defaults) - 1
    assert command[-1] == "--target=unix"


def test_what_any_board_needs_is_installed(farm):
    recipes = [image.load(name) for name in image.available()]
    needed = {package for recipe in recipes for package in recipe.requires.values()}
    # Compilers bring their binutils, and newlib for Arm its headers.
    needed = {name for name in needed if not name.startswith(("binutils-", "libnewlib-dev"))}
    assert needed <= farm.PACKAGES.keys()
    boards = target.load_all().values()
    emulators = {board.boot.arguments["program"] for board in boards if board.klass == "emulated"}
    assert emulators <= set(farm.PACKAGES.values())
