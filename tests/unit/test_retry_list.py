"""The tables [[flaky]] of a lab's file: what they allow, and what is refused and where."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from hil import cli, retry_list, target
from hil.errors import TargetFileError
from hil.lab import inventory

SIMULATED = Path(__file__).parents[1] / "simboard" / "targets"

LAB = """\
[boards.desk-1]
target = "simulated-esp32"
port = "rfc2217://desk.example:4001"
labels = ["esp"]

[boards.desk-2]
target = "simulated-esp32"
port = "rfc2217://desk.example:4002"
"""
ENTRY = """
[[flaky]]
target = "simulated-esp32@desk-1"
peer = "gnutls"
scenario = "tls13-*"
reason = "its hub loses power"
allowed_by = "Kim"
until = 2031-03-31
"""


@pytest.fixture(scope="module")
def kinds() -> dict[str, target.Target]:
    return target.load_all(SIMULATED)


@pytest.fixture
def load(tmp_path, kinds):
    def _load(text: str) -> inventory.Inventory:
        path = tmp_path / "lab.toml"
        path.write_text(LAB + text)
        return inventory.load(path, kinds)

    return _load


def test_an_entry_covers_the_cells_it_names_until_its_day_is_over(load):
    lab = load(ENTRY)
    (entry,) = lab.allowances
    first, second = lab.boards.values()
    assert entry.covers(first, "gnutls", "tls13-psk")
    assert not entry.covers(first, "openssl", "tls13-psk")
    assert not entry.covers(first, None, "tls13-psk")
    assert not entry.covers(first, "gnutls", "tls12-psk")
    assert not entry.covers(second, "gnutls", "tls13-psk")
    assert entry.holds_on(date(2031, 3, 31))
    assert not entry.holds_on(date(2031, 4, 1))
    assert str(entry) == "allowed by Kim until 2031-03-31: its hub loses power"


@pytest.mark.parametrize(
    ("named", "covered"),
    [
        ("simulated-esp32", ["desk-1", "desk-2"]),
        ("label:esp", ["desk-1"]),
        ("lab:desk-2", ["desk-2"]),
        ("lab:", ["desk-1", "desk-2"]),
        ("*@desk-1", ["desk-1"]),
    ],
)
def test_boards_are_named_as_for_the_option_target(load, named, covered):
    lab = load(ENTRY.replace("simulated-esp32@desk-1", named).replace('peer = "gnutls"\n', ""))
    (entry,) = lab.allowances
    found = [board for board in lab.boards.values() if entry.covers(board, None, "tls13-psk")]
    assert [board.name.partition("@")[2] for board in found] == covered


def test_the_entry_that_holds_longest_counts(load):
    later = ENTRY.replace("2031-03-31", "2032-01-01")
    lab = load(ENTRY + later + ENTRY)
    board = next(iter(lab.boards.values()))
    found = retry_list.best(lab.allowances, board, "gnutls", "tls13-psk")
    assert found is not None
    assert (found.until, found.line) == (date(2032, 1, 1), 18)
    assert retry_list.best(lab.allowances, board, "gnutls", "other") is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("until = 2031-03-31\n", ""), r":10: flaky\.until: missing; it takes a day without quo"),
        (("2031-03-31", '"2031-03-31"'), r":16: flaky\.until: '2031-03-31' is not a day without"),
        (("2031-03-31", "2031-03-31T12:00:00Z"), r":16: flaky\.until: .* is not a day"),
        (('allowed_by = "Kim"\n', ""), r":10: flaky\.allowed_by: missing; it takes a string"),
        (('reason = "its', 'raeson = "its'), r":14: flaky\.raeson: .*did you mean 'reason'"),
        (('"tls13-*"', "13"), r":13: flaky\.scenario: must be a string"),
        (("@desk-1", "@desk-3"), r":10: flaky\.target: no target is called 'simulated-esp32@desk"),
        (("[[flaky]]", "[flaky]"), r":10: flaky: must be tables \[\[flaky\]\], one for each"),
    ],
)
def test_what_is_wrong_is_refused_with_its_line(load, change, said):
    with pytest.raises(TargetFileError, match=re.escape("lab.toml") + said):
        load(ENTRY.replace(*change))


def test_the_second_of_two_entries_has_lines_of_its_own(load):
    with pytest.raises(TargetFileError, match=r"lab\.toml:25: flaky\.until: "):
        load(ENTRY + "\n" + ENTRY.replace("2031-03-31", "false"))


def test_the_check_of_all_files_names_every_offence(tmp_path, capsys):
    path = tmp_path / "lab.toml"
    path.write_text(LAB + ENTRY.replace("until", "till").replace("reason", "raeson"))
    arguments = ["targets", "--check", f"--target-dir={SIMULATED}", f"--lab={path}"]
    assert cli.main(arguments) != 0
    said = capsys.readouterr()
    text = said.out + said.err
    for key in ("flaky.till", "flaky.raeson", "flaky.reason", "flaky.until"):
        assert f": {key}: " in text
