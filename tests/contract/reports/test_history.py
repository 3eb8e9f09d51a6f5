"""`hil history` and the reading of a folder of reports."""

from __future__ import annotations

import csv
import json

import pytest

from hil import cli, history
from hil.document import ReportError
from hil.history_command import sparkline


@pytest.fixture
def shelf(report, tmp_path):
    """A folder of four reports, written youngest first; returns it and the reports by age."""
    made = [report("live") for _ in range(4)]
    for step, one in enumerate(made):
        one.figure("handshake_instructions")["value"] = 1_000_000 * (step + 1)
    for one in reversed(made):
        one.write()
    return tmp_path / "reports", made


@pytest.fixture
def shown(capsys, monkeypatch):
    """Run `hil history` and return (exit status, output, errors)."""
    monkeypatch.setenv("COLUMNS", "140")

    def _shown(*arguments: str) -> tuple[int, str, str]:
        status = cli.main(["history", *map(str, arguments)])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return _shown


ONE_CELL = ("--target", "qemu-cortexm", "--scenario", "*-x509-*", "--peer", "open*")


def test_a_folder_is_read_oldest_first_whatever_the_files_are_called(shelf, report):
    folder, made = shelf
    loose = report("live")
    (folder / "a.json").write_text(json.dumps(loose.document))
    loaded = history.load_directory(folder)
    assert [document["run"]["id"] for _, document in loaded] == [
        one.run["id"] for one in [*made, loose]
    ]
    assert loaded[-1][0] == (folder / "a.json").resolve()


def test_a_series_is_one_figure_over_the_runs_that_have_it(shelf):
    folder, made = shelf
    made[1].figure("handshake_instructions").update(value=None, reason="none")
    made[1].write()
    documents = [document for _, document in history.load_directory(folder)]
    place = ("qemu-cortexm", "openssl", "tls13-x509-p256", "handshake_instructions")
    found = history.series(documents, *place)
    assert found == [
        ("run0", "2031-02-03T00:00:00Z", 1_000_000),
        ("run2", "2031-02-03T02:00:00Z", 3_000_000),
        ("run3", "2031-02-03T03:00:00Z", 4_000_000),
    ]
    assert history.series(documents, *place, mode="replay") == []


def test_broken_reports_are_named_and_skipped(shelf, shown):
    folder, _ = shelf
    for name, content in (("x1", "{"), ("x2", "[]"), ("x3", '{"schema": "hil-report/9"}')):
        (folder / name).mkdir()
        (folder / name / "report.json").write_text(content)
    (folder / "settings.json").write_text('{"of": "something else"}')
    status, out, err = shown(folder, *ONE_CELL)
    assert status == 0
    assert " 4 " in out
    named = [line.partition("/report.json: ")[0][-2:] for line in err.splitlines()]
    assert sorted(named) == ["x1", "x2", "x3"]


def test_the_table_has_a_sparkline_and_the_change(shelf, shown):
    folder, _ = shelf
    status, out, _ = shown(folder, *ONE_CELL)
    assert status == 0
    (row,) = [line for line in out.splitlines() if "qemu-cortexm" in line]
    assert "▁▃▆█" in row
    assert "+300.00 %" in row
    assert out.startswith("handshake_instructions, 2031-02-03T00:00:00Z to 2031-02-03T03:00:00Z\n")


def test_last_leaves_the_newest_runs_of_each_cell(shelf, shown):
    folder, _ = shelf
    out = shown(folder, *ONE_CELL, "--last", "2", "--format=csv")[1]
    rows = list(csv.DictReader(out.splitlines()))
    assert [row["run"] for row in rows] == ["run2", "run3"]
    assert [row["handshake_instructions"] for row in rows] == ["3000000", "4000000"]


def test_json_is_for_programs(shelf, shown):
    folder, _ = shelf
    found = json.loads(shown(folder, "--format=json", "--measurement=stack_peak_bytes")[1])
    assert found["measurement"] == "stack_peak_bytes"
    assert len(found["series"]) == 4
    assert found["series"][0]["points"][0] == {
        "run": "run0",
        "started_utc": "2031-02-03T00:00:00Z",
        "value": 5676,
    }


def test_replays_and_live_runs_are_lines_of_their_own(shelf, report, shown):
    folder, _ = shelf
    report("replay").write()
    out = shown(folder, *ONE_CELL)[1]
    assert len([line for line in out.splitlines() if "tls13-x509-p256" in line]) == 2
    assert "tls13-x509-p256 replay" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--measurement=speed"], "no report has a value of 'speed'; there are bytes_sent, "),
        (["--target=esp*"], "no cell that was asked for has a value of 'handshake_instructions'"),
    ],
)
def test_what_is_not_there_is_an_error_that_helps(shelf, shown, arguments, message):
    status, _, err = shown(shelf[0], *arguments)
    assert status == 1
    assert message in err


def test_a_folder_without_reports_and_one_that_is_not_there_are_errors(tmp_path, shown):
    assert shown(tmp_path)[0] == 1
    with pytest.raises(ReportError, match="no such folder"):
        history.load_directory(tmp_path / "gone")


def test_noise_does_not_look_like_news():
    assert sparkline([1000, 1001, 1000]) == "▁▂▁"
    assert sparkline([5]) == "▁"
    assert sparkline([0, 0]) == "▁▁"
    assert sparkline([1, 8]) == "▁█"
