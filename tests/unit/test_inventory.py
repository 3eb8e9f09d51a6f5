"""lab.toml: which boards a lab has, what is refused and where, and how its boards are selected."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hil import cli, readiness, target, target_file
from hil.errors import HilError, TargetFileError
from hil.lab import inventory

SIMULATED = Path(__file__).parents[1] / "simboard" / "targets"

GOOD = """\
[lab]
leases = "leases"

[boards.desk-1]
target = "simulated-esp32"
port = "rfc2217://desk.example:4001"
labels = ["esp", "wifi"]
hub_port = "1-1.4:2"

[boards.desk-2]
target = "simulated-esp32"
port = "/dev/serial/by-path/pci-0:1.2"
baud = 921600
labels = ["esp"]
quarantine = "its USB plug is loose"

[boards.shelf]
target = "simulated-mbed"
port = "$SHELF"
probe_id = "0200"
"""


@pytest.fixture(scope="module")
def kinds() -> dict[str, target.Target]:
    return {"unix": target.load_all()["unix"], **target.load_all(SIMULATED)}


@pytest.fixture
def lab(tmp_path, kinds):
    path = tmp_path / "lab.toml"
    path.write_text(GOOD)
    return inventory.load(path, kinds)


def test_two_boards_of_a_kind_have_names_and_facts_of_their_own(lab, kinds):
    assert list(lab.boards) == [
        "simulated-esp32@desk-1",
        "simulated-esp32@desk-2",
        "simulated-mbed@shelf",
    ]
    first, second, shelf = lab.boards.values()
    assert first.boot.arguments == {
        **kinds["simulated-esp32"].boot.arguments,  # its reset, for one
        "port": "rfc2217://desk.example:4001",
    }
    assert first.identify["hub_port"] == "1-1.4:2"
    assert second.boot.arguments["baud"] == 921600
    assert second.image == first.image == kinds["simulated-esp32"].image
    assert shelf.identify == {"probe_id": "0200"}
    assert (first.quarantine, first.place.labels) == (None, ("esp", "wifi"))
    assert second.quarantine == "in quarantine: its USB plug is loose (lab.toml)"
    assert kinds["simulated-esp32"].place is None


def names(chosen) -> list[str]:
    return [board.name.rpartition("@")[2] for board in chosen]


def test_boards_are_selected_by_label_kind_name_or_all_of_them(lab, kinds):
    there = lab.among(kinds)
    assert names(target.select(["label:esp"], there)) == ["desk-1", "desk-2"]
    assert names(target.select(["label:w*"], there)) == ["desk-1"]
    assert names(target.select(["lab:"], there)) == ["desk-1", "desk-2", "shelf"]
    assert names(target.select(["lab:desk-*"], there)) == ["desk-1", "desk-2"]
    assert names(target.select(["simulated-esp32"], there)) == ["desk-1", "desk-2"]
    assert names(target.select(["simulated-esp32@desk-2"], there)) == ["desk-2"]
    assert names(target.select(["class:attached"], there)) == ["desk-1", "desk-2", "shelf"]
    assert names(target.select(["unix,lab:shelf"], there)) == ["unix", "shelf"]
    # Its kind alone hangs nowhere.
    assert "simulated-esp32" not in there
    assert set(kinds) - {"simulated-esp32", "simulated-mbed"} < set(there)


def test_a_selection_that_matches_nothing_says_what_there_is(lab, kinds):
    with pytest.raises(HilError, match="no board of the lab matches 'label:arm'; there are esp, w"):
        target.select(["label:arm"], lab.among(kinds))
    with pytest.raises(HilError, match="'lab:desk'; there are simulated-esp32@desk-1, simul"):
        target.select(["lab:desk"], lab.among(kinds))
    with pytest.raises(HilError, match="there is no lab, or it has no boards; --lab=FILE"):
        target.select(["lab:"], kinds)


BOARD = '[boards.desk]\ntarget = "simulated-esp32"\n'


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[board.desk]  # HERE\n", "board: unknown key; did you mean 'boards'?"),
        ("boards = 3  # HERE\n", "boards: must be a table [boards], not 3"),
        ("[boards]\ndesk = 3  # HERE\n", "boards.desk: must be a table [boards.desk], not 3"),
        ("[boards.Desk]  # HERE\n" + BOARD[14:], "boards.Desk: the name of a board has the form"),
        ('[boards.desk]  # HERE\nport = "/dev/x"\n', "boards.desk.target: missing; it takes a str"),
        (
            '[boards.desk]\ntarget = "simulated-esp"  # HERE\n',
            "boards.desk.target: no such target file; did you mean 'simulated-esp32'?",
        ),
        (BOARD + "baud = true  # HERE\n", "boards.desk.baud: must be a whole number, not a bool"),
        (BOARD + 'reset = "esp32"  # HERE\n', "boards.desk.reset: 'esp32' is none of 'esp', 'bre"),
        (BOARD + 'quarrantine = "x"  # HERE\n', "unknown key; did you mean 'quarantine'?"),
        (BOARD + 'quarantine = ""  # HERE\n', "boards.desk.quarantine: must not be empty"),
        (BOARD + 'labels = "esp"  # HERE\n', "boards.desk.labels: must be a list of strings, not"),
        (BOARD + 'labels = ["esp", 3]  # HERE\n', "boards.desk.labels: must be a string, not a wh"),
        (BOARD + 'labels = ["a b"]  # HERE\n', "boards.desk.labels: 'a b' does not have the form"),
        (
            '[boards.desk]\ntarget = "unix"\nport = "/dev/x"  # HERE\n',
            "boards.desk.port: unix is process: only boards on a cable have one",
        ),
        (
            f'{BOARD}port = "rfc2217://a:1"\n[boards.two]\ntarget = "simulated-esp32"\n'
            'port = "socket://a:1"  # HERE\n',
            "boards.two.port: is the port of desk too",
        ),
        (
            f'{BOARD}port = "/dev/serial/by-path/a"\n[boards.two]\ntarget = "simulated-esp32"\n'
            'usb_path = "a"  # HERE\n',
            "boards.two.usb_path: is the usb_path of desk too",
        ),
        ("[lab]\nlease = 'x'  # HERE\n" + BOARD, "lab.lease: unknown key; did you mean 'leases'?"),
        ("[boards\n", "TOML: "),
    ],
)
def test_what_is_wrong_is_told_with_file_line_and_key(tmp_path, kinds, text, problem):
    path = tmp_path / "lab.toml"
    path.write_text(text)
    with pytest.raises(TargetFileError, match=re.escape(problem)) as refused:
        inventory.load(path, kinds)
    marked = [number for number, line in enumerate(text.splitlines(), 1) if "# HERE" in line]
    assert refused.value.line == (marked[0] if marked else 1)
    assert str(refused.value).startswith(f"{path}:")


def test_a_board_without_a_port_is_refused_where_its_target_file_has_none(tmp_path, kinds):
    bare = SIMULATED / "simulated-esp32.toml"
    folder = tmp_path / "targets"
    folder.mkdir()
    text = bare.read_text().replace('port = "$SIMBOARD_ESP32"\n', "")
    (folder / bare.name).write_text(text)
    path = tmp_path / "lab.toml"
    path.write_text(BOARD)
    with pytest.raises(TargetFileError, match=r"boards\.desk\.port: missing; `hil probe`"):
        inventory.load(path, target.load_all(folder))


def test_a_mistake_in_a_large_lab_is_found_with_few_readings(tmp_path, kinds, monkeypatch):
    boards = [
        f'[boards.desk-{number}]\ntarget = "simulated-esp32"\nport = "rfc2217://desk:{number}"\n'
        for number in range(500)
    ]
    boards[400] += 'lables = [\n  "esp",\n]\n'
    path = tmp_path / "lab.toml"
    path.write_text("\n".join(boards))
    read, readings = target_file.tomllib.loads, []
    monkeypatch.setattr(
        target_file.tomllib, "loads", lambda text: readings.append(len(text)) or read(text)
    )
    with pytest.raises(TargetFileError) as refused:
        inventory.load(path, kinds)
    assert f"{path}:1604: boards.desk-400.lables: unknown key" in str(refused.value)
    assert len(readings) < 40


def test_a_file_without_boards_is_refused(tmp_path, kinds):
    path = tmp_path / "lab.toml"
    path.write_text("[lab]\n")
    with pytest.raises(TargetFileError, match="boards: missing; add a table"):
        inventory.load(path, kinds)


def test_where_the_file_is_looked_for(tmp_path, monkeypatch):
    monkeypatch.delenv("HIL_LAB", raising=False)
    assert inventory.find(None, tmp_path) is None
    usual, named, chosen = (tmp_path / name for name in ("lab.toml", "named.toml", "chosen.toml"))
    usual.touch()
    assert inventory.find(None, tmp_path) == usual
    monkeypatch.setenv("HIL_LAB", str(named))
    with pytest.raises(HilError, match=r"\$HIL_LAB: there is no file"):
        inventory.find(None, tmp_path)
    named.touch()
    assert inventory.find(None, tmp_path) == named
    with pytest.raises(HilError, match=r"--lab: there is no file .*chosen\.toml; docs/lab\.md"):
        inventory.find(chosen, tmp_path)
    chosen.touch()
    assert inventory.find(chosen, tmp_path) == chosen


def test_leases_of_a_lab_are_beside_its_file_from_any_folder(lab, tmp_path):
    assert lab.leases == tmp_path / "leases"


def test_hil_targets_and_hil_locks_know_the_lab(lab, tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("HIL_LAB", raising=False)
    monkeypatch.delenv("HIL_LEASES", raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(readiness, "missing", lambda board: [board.quarantine or "nothing"])
    argv = ["targets", "lab:", "--target-dir", str(SIMULATED)]
    assert cli.main(argv) == 0
    rows = capsys.readouterr().out.splitlines()[2:]
    assert [row.split()[0] for row in rows] == list(lab.boards)
    assert "in quarantine: its USB plug is loose" in rows[1]
    assert cli.main(["locks"]) == 0
    assert capsys.readouterr().out == "no board is locked\n"


def test_checking_the_target_files_checks_the_lab_and_lists_all_its_errors(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.delenv("HIL_LAB", raising=False)
    monkeypatch.chdir(tmp_path)
    argv = ["targets", "--check", "--target-dir", str(SIMULATED)]
    (tmp_path / "lab.toml").write_text(GOOD)
    assert cli.main(argv) == 0
    assert f" and {tmp_path / 'lab.toml'}, no errors" in capsys.readouterr().out
    (tmp_path / "lab.toml").write_text(GOOD + "bud = 9600\n" + 'labels = ["A"]\n')
    assert cli.main(argv) == 1
    first, second, total = capsys.readouterr().out.splitlines()
    last = len(GOOD.splitlines())
    assert first.startswith(f"{tmp_path}/lab.toml:{last + 1}: boards.shelf.bud: unknown key")
    assert second.startswith(f"{tmp_path}/lab.toml:{last + 2}: boards.shelf.labels: 'A' does not")
    assert total.endswith(", 2 errors")


def test_a_board_in_quarantine_lacks_that(lab):
    _, second, _ = lab.boards.values()
    assert readiness.missing(second)[0] == "in quarantine: its USB plug is loose (lab.toml)"


def test_every_key_is_explained_in_the_documentation():
    text = (Path(__file__).parents[2] / "docs" / "lab.md").read_text()
    for keys in (inventory.LAB_KEYS, inventory.BOARD_KEYS):
        for key in keys:
            assert f"`{key}`" in text, key


def test_the_examples_of_the_documentation_are_right(tmp_path):
    text = (Path(__file__).parents[2] / "docs" / "lab.md").read_text()
    kinds = {**target.load_all(), **target.load_all(SIMULATED)}
    path = tmp_path / "lab.toml"
    labs = []
    for example in re.findall(r"```toml\n(.*?)```", text, re.DOTALL):
        path.write_text(example)
        labs.append(inventory.load(path, kinds))
    (shared,) = [lab for lab in labs if lab.leases == Path("/var/lib/pytest-hil/leases")]
    assert len(shared.boards) == 2
    assert all(lab.boards for lab in labs)


def test_a_board_that_is_found_by_what_it_is_lacks_its_port_while_it_is_out(
    tmp_path, kinds, monkeypatch
):
    monkeypatch.setenv("HIL_DEV", str(tmp_path))
    path = tmp_path / "lab.toml"
    path.write_text(BOARD + 'usb_path = "pci-0:1.2"\n')
    (board,) = inventory.load(path, kinds).boards.values()
    assert "port" not in board.boot.arguments  # that of its kind is another board's
    assert board.is_reachable
    assert "looked for at pci-0:1.2; plugged in" in readiness.missing(board)[0]
    (tmp_path / "serial" / "by-path").mkdir(parents=True)
    (tmp_path / "ttyUSB3").touch()
    (tmp_path / "serial" / "by-path" / "pci-0:1.2").symlink_to(tmp_path / "ttyUSB3")
    assert not any("looked for" in lacking for lacking in readiness.missing(board))


def test_the_file_of_a_network_is_named_from_where_the_lab_is(tmp_path, kinds):
    path = tmp_path / "lab.toml"
    path.write_text('[lab]\nwifi = "secret/wifi.toml"\n' + BOARD + 'port = "/dev/x"\n')
    (board,) = inventory.load(path, kinds).boards.values()
    assert board.place.wifi == tmp_path / "secret" / "wifi.toml"
