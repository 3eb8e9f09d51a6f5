"""Modules go to a board's filesystem once, arrive whole, and what is in the way is named."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hil.boot.installer import Installed, Installer
from hil.errors import BootError, BuildError
from hil.mpy import Format, compiled, format_of
from hil.rawrepl import RawRepl
from hil.serial_port import LoggedPort, open_port

from .conftest import Simulate

FILES = {"one.mpy": bytes(range(256)) * 5, "package/two.mpy": b"2" * 100, "package/deep/3.mpy": b""}


def entered(url: str, folder: Path) -> Iterator[RawRepl]:
    repl = RawRepl(LoggedPort(open_port(url, 115_200), folder / "console.log"))
    repl.enter(10)
    yield repl
    repl.leave()
    repl.close()


@pytest.fixture(scope="module")
def url(simulate: Simulate) -> str:
    return simulate("esp32")


@pytest.fixture
def repl(url: str, tmp_path: Path) -> Iterator[RawRepl]:
    yield from entered(url, tmp_path)


def test_only_what_has_changed_is_sent(repl: RawRepl) -> None:
    installer = Installer("board", repl, 10)
    assert installer.install(FILES) == Installed("/hil-farm", 3, 0)
    assert installer.install(FILES) == Installed("/hil-farm", 0, 3)
    changed = {**FILES, "one.mpy": b"other"}
    assert installer.install(changed) == Installed("/hil-farm", 1, 2)
    found = repl.execute("print(open('/hil-farm/one.mpy').read())", 5)
    assert found.strip() == b"other"
    fewer = {"one.mpy": b"other"}
    installer.install(fewer)
    assert b"two.mpy" not in repl.execute("print(os.listdir('/hil-farm/package'))", 5)


def test_a_file_that_was_cut_short_is_sent_again(repl: RawRepl) -> None:
    installer = Installer("board", repl, 10)
    installer.install(FILES)
    repl.execute("with open('/hil-farm/one.mpy','wb') as f:f.write(b'half')", 5)
    assert installer.install(FILES).sent == 1


def test_files_of_the_owner_are_not_touched(repl: RawRepl) -> None:
    repl.execute("with open('/main.py','w') as f:f.write('x=1')", 5)
    Installer("board", repl, 10).install(FILES)
    assert repl.execute("print(open('/main.py').read())", 5).strip() == b"x=1"


def test_too_little_room_is_told_with_the_figures(repl: RawRepl) -> None:
    wanted = {"large.mpy": bytes(2_000_000)}
    with pytest.raises(
        BootError, match=r"1 modules take 2002944 bytes, \d+ are free; remove files"
    ):
        Installer("board", repl, 10).install(wanted)


def test_a_board_without_a_filesystem_is_told_so(simulate: Simulate, tmp_path: Path) -> None:
    for repl in entered(simulate("mbed"), tmp_path):
        with pytest.raises(BootError, match=r"has no filesystem to install modules in \(Imp"):
            Installer("board", repl, 10).install(FILES)


def test_mpy_files_are_made_for_the_boards_version_and_architecture(tmp_path: Path) -> None:
    source = tmp_path / "module.py"
    source.write_text("X = 1\n")
    board = format_of(6918)  # what the Cortex-M3 of these tests says
    # MicroPython's name for all of Thumb-2 without an FPU, and the version of native code.
    assert board == Format(6, "armv7em", 3, 6)
    assert compiled({"module.py": source}, board)["module.mpy"][:2] == b"M\x06"
    with pytest.raises(BuildError, match=r"of version 6, the board takes version 5: its firmware"):
        compiled({"module.py": source}, Format(5, None))
    source.write_text("def broken(:\n")
    with pytest.raises(BuildError, match=r"mpy-cross does not compile"):
        compiled({"module.py": source}, board)
