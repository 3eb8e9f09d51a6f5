"""targets/README.md, "Adding a board in five minutes", followed step by step in another folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hil import cli, paths

CHECKS = Path(__file__).parents[1] / "hardware" / "test_boards.py"


@pytest.fixture
def own_board(hil_target, tmp_path):
    """Steps 1 to 3: copy the file of the target under test, name it, change a fact."""
    text = (paths.targets_dir() / f"{hil_target.name}.toml").read_text(encoding="utf-8")
    heap = f"heap_bytes = {hil_target.boot.arguments['heap_bytes']}"
    assert heap in text
    text = text.replace(f'name = "{hil_target.name}"', 'name = "bench-board"')
    file = tmp_path / "lab" / "bench-board.toml"
    file.parent.mkdir()
    file.write_text(text.replace(heap, "heap_bytes = 98_304"), encoding="utf-8")
    return file


def test_a_file_in_a_folder_of_ones_own_is_a_board(own_board, dut_factory, pytester, capsys):
    folder = f"--target-dir={own_board.parent}"
    assert cli.main(["targets", "--check", "bench-board", folder]) == 0
    assert cli.main(["targets", "bench-board", folder]) == 0
    assert any(line.startswith("bench-board ") for line in capsys.readouterr().out.splitlines())
    dut_factory.firmware()  # so that no build is part of the inner run
    pytester.makepyfile(
        test_boards=CHECKS.read_text(encoding="utf-8"),
        test_heap="""
            from hil.report import Cell

            def test_own_fact(dut, hil_record):
                assert dut.heap_bytes == 98304
                hil_record(Cell("bench-board", None, None, "boot", verdict="pass"))
        """,
    )
    result = pytester.runpytest_subprocess(folder, "--target=bench-board", "--report=out")
    result.assert_outcomes(passed=4)
    report = json.loads((pytester.path / "out" / "report.json").read_text(encoding="utf-8"))
    assert [row["name"] for row in report["targets"]] == ["bench-board"]


def test_a_mistake_in_it_is_named_with_file_line_and_key(own_board, capsys):
    text = own_board.read_text(encoding="utf-8")
    own_board.write_text(text.replace("word_bits", "word_bit"), encoding="utf-8")
    line = 1 + next(n for n, row in enumerate(text.splitlines()) if row.startswith("word_bits"))
    assert cli.main(["targets", "--check", f"--target-dir={own_board.parent}"]) == 1
    out = capsys.readouterr().out
    assert f"{own_board}:{line}: word_bit: unknown key; did you mean 'word_bits'?" in out
    assert f"{own_board}: word_bits: missing" in out
