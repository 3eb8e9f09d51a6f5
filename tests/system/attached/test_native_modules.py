"""Modules with native code are compiled for the board they go to, run there, or are refused."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from hil import build, mpy
from hil.boot.installer import Installer
from hil.errors import BuildError
from hil.rawrepl import RawRepl
from hil.serial_port import LoggedPort, open_port

from .conftest import Simulate

# A sum that wraps at 32 bits as only machine words do; a loop that is compiled; one instruction.
SOURCE = """
import micropython

@micropython.viper
def wrapped(a: int, b: int) -> int:
    return a + b

@micropython.native
def total(items):
    n = 0
    for item in items:
        n += item
    return n

@micropython.asm_thumb
def highest(r0):
    clz(r0, r0)
"""
# What ciphers and the choice of a back end are made of.
CIPHERS = (
    "__init__", "aead", "aes", "back_ends", "chacha20", "chacha20_poly1305", "gcm", "ghash",
    "hmac", "pieces", "poly1305", "selftest",
)  # fmt: skip
ASK = "import tlscore.crypto as c;print(c.backends())"
TRY = "import native_sample as n\nprint((n.wrapped(0x7fffffff,1),n.total(range(10)),n.highest(1)))"


@pytest.fixture
def repl(simulate: Simulate, tmp_path: Path) -> Iterator[RawRepl]:
    board = RawRepl(LoggedPort(open_port(simulate("esp32"), 115_200), tmp_path / "console.log"))
    board.enter(20)
    yield board
    board.leave()
    board.close()


@pytest.fixture
def sample(tmp_path: Path) -> dict[str, Path]:
    path = tmp_path / "native_sample.py"
    path.write_text(SOURCE)
    return {path.name: path}


def test_native_code_runs_on_a_board_that_loads_it(repl: RawRepl, sample: dict[str, Path]) -> None:
    said = repl.execute("import sys;print(sys.implementation._mpy)", 5)
    board = mpy.format_of(int(said))
    files = mpy.compiled(sample, board)
    assert files["native_sample.mpy"][2] >> 2 == board.number > 0
    installed = Installer("board", repl, 10).install(files)
    repl.execute(f"import sys;sys.path.append({installed.folder!r})", 5)
    found = ast.literal_eval(repl.execute(TRY, 5).decode())
    assert found == (-0x80000000, 45, 31)


def test_a_board_that_loads_native_code_gets_its_ciphers_in_viper(repl: RawRepl) -> None:
    board = mpy.format_of(int(repl.execute("import sys;print(sys.implementation._mpy)", 5)))
    wanted = {f"tlscore/crypto/{name}.py" for name in CIPHERS} | {"tlscore/compat.py"}
    wanted |= {"tlscore/__init__.py"}
    modules = {
        path: file
        for path, file in build.frozen_modules(mpy.kernels_for(board)).items()
        if path in wanted or path.startswith("tlscore/crypto/viper/")
    }
    installed = Installer("board", repl, 10).install(mpy.compiled(modules, board))
    repl.execute(f"import sys;sys.path.append({installed.folder!r})", 5)
    found = ast.literal_eval(repl.execute(ASK, 30).decode())
    assert found == dict.fromkeys(
        ("aes", "ghash", "gcm", "chacha20", "poly1305", "chacha20_poly1305"), "viper"
    )


def test_a_board_that_loads_bytecode_alone_gets_no_viper() -> None:
    assert mpy.kernels_for(mpy.Format(6, None)) == ()
    assert not any("viper" in path for path in build.frozen_modules(()))


@pytest.mark.parametrize(
    ("board", "words"),
    [
        (
            mpy.Format(6, None),
            r"native_sample\.py has native code, and the board's firmware takes ",
        ),
        (mpy.format_of(6 | 3 << 8 | 40 << 10), r"architecture 40, which this farm's mpy-cross "),
        (mpy.format_of(6 | 2 << 8 | 6 << 10), r"makes version 3, and the board takes version 2"),
    ],
    ids=["none", "unknown", "version"],
)
def test_native_code_that_a_board_does_not_take_is_not_sent(
    sample: dict[str, Path], board: mpy.Format, words: str
) -> None:
    with pytest.raises(BuildError, match=words):
        mpy.compiled(sample, board)


def test_a_board_of_an_unknown_architecture_still_takes_bytecode(tmp_path: Path) -> None:
    plain = tmp_path / "plain.py"
    plain.write_text("X = 1\n")
    unknown = mpy.format_of(6 | 3 << 8 | 40 << 10)
    assert mpy.compiled({plain.name: plain}, unknown)["plain.mpy"][2] >> 2 == 0
