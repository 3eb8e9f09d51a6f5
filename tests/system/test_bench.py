"""`python -m bench` on real boards: a short run, and figures that repeat to the instruction."""

from __future__ import annotations

import json

import pytest

from bench import __main__ as command
from bench import boards, operations, records
from hil import boot, build, image, target

BOARD = "qemu-cortexm"


def test_a_short_run_measures_and_judges(tmp_path, capsys):
    out = tmp_path / "out"
    words = [f"--target={BOARD}", "--quick", "--part=operations", "--part=handshakes", "-q", "-n0"]
    assert command.main([*words, "-o", str(out)]) == 0
    kept = json.loads((out / "figures.json").read_text())
    found = {
        figure["key"]: figure["value"] for figure in kept["figures"] if figure["subject"] == BOARD
    }
    for operation in operations.OPERATIONS:
        assert found[operation.key] > 1, operation.key
    for suite in records.SUITES:
        ways = found[f"{suite.key}_seal"], found[f"{suite.key}_open"]
        assert found[suite.key] == pytest.approx(sum(ways) / 2)
        assert min(ways) > found[suite.key.removesuffix("_record")] / 2
    # A handshake is more than what it is made of.
    parts = 3 * found["ecdsa_p256_verify"] + 2 * found["x25519"]
    assert found["tls13-x509-p256.handshake_instructions"] > parts
    assert found["tls13-x509-p256.stack_peak_bytes"] > 1000
    assert kept["backends"][BOARD]["p256"] == "thumb"
    told = capsys.readouterr().out
    assert "X25519, one scalar multiplication" in told
    assert "the goal is" in told


def measured_on_fresh_board(tmp_path, name):
    chosen = target.load_all()[BOARD]
    firmware = build.ensure(chosen.image)
    modules = build.modules_of(image.load(chosen.image))
    (operation,) = (row for row in operations.OPERATIONS if row.key == "rsa2048_verify")
    with boot.boot(chosen, firmware, log_dir=tmp_path / name) as board:
        board.install(operations.SOURCE.stem, operations.SOURCE.read_text())
        found = [operations.run(board, operation, modules)]
    with boot.boot(chosen, firmware, log_dir=tmp_path / f"{name}-records") as board:
        board.install(records.SOURCE.stem, records.SOURCE.read_text())
        found += records.run(board, records.SUITES[1], 2)
    return found


def test_a_second_run_has_the_same_figures(tmp_path):
    first = measured_on_fresh_board(tmp_path, "first")
    assert first == measured_on_fresh_board(tmp_path, "second")
    assert all(figure.value is not None for figure in first)


def test_a_board_that_counts_nothing_computes_right_and_says_why(tmp_path):
    found = boards.run(target.load_all()["unix"], tmp_path, lambda _: None, 2)
    assert len(found) == len(operations.OPERATIONS) + 3 * len(records.SUITES)
    assert {figure.value for figure in found} == {None}
    assert {figure.reason for figure in found} == {
        target.load_all()["unix"].no_instruction_count_reason
    }
