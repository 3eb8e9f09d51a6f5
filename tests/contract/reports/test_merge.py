"""`hil report merge`: one report of the shards of a run."""

from __future__ import annotations

import json
import xml.etree.ElementTree
from pathlib import Path

import pytest

from hil import cli, document


@pytest.fixture
def merged(capsys, tmp_path):
    """Run `hil report merge` into a folder; return (exit status, output, errors)."""

    def _merged(*arguments: object, into: Path = tmp_path / "merged") -> tuple[int, str, str]:
        status = cli.main(["report", "merge", *map(str, arguments), "-o", str(into)])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return _merged


@pytest.fixture
def shards(report):
    """Two reports of one commit, a board each, from two hosts."""
    one, other = report("live"), report("live")
    for shard, host, board in ((one, "site-a", "qemu-cortexm"), (other, "site-b", "qemu-mips")):
        shard.run["host"]["name"] = host
        shard.run["git_commit"] = "ab" * 20
        cut(shard, board)
    other.run["versions"] = {"python": "3.12.1", "tshark": "4.0"}
    return one, other


def cut(report, board: str) -> None:
    """Leave one board in a report."""
    for part, key in (("targets", "name"), ("cells", "target")):
        kept = [entry for entry in report.document[part] if entry[key] == board]
        report.document[part] = kept


def keep(report, name: str, path: str, text: str) -> None:
    """Give the first cell an artefact."""
    file = Path(report.write()) / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    report.first["artefacts"][name] = path
    report.write()


def names(folder: Path) -> list[tuple[str, str]]:
    return [(cell["target"], cell["run"]) for cell in document.read(folder)["cells"]]


def test_two_shards_become_one_report_that_keeps_both_runs(shards, merged, tmp_path):
    one, other = shards
    status, said, errors = merged(other.write(), one.write())
    assert (status, errors) == (0, "")
    assert said == f"{tmp_path / 'merged'}: 2 runs, 4 pass\n"
    whole = document.read(tmp_path / "merged")
    assert (
        names(tmp_path / "merged") == [("qemu-cortexm", "run0")] * 2 + [("qemu-mips", "run1")] * 2
    )
    run = whole["run"]
    assert run["merged_from"] == [one.run, other.run]
    assert run["started_utc"] == one.run["started_utc"]
    assert run["git_commit"] == "ab" * 20
    assert run["host"]["name"] == "site-a and site-b"
    assert run["versions"] == {"python": "3.11.2 and 3.12.1", "tshark": "4.0"}
    assert "Merged from run0 on site-a, run1 on site-b." in read(tmp_path, "report.md")
    assert "run0 on site-a, run1 on site-b" in read(tmp_path, "report.html")
    suites = xml.etree.ElementTree.fromstring(read(tmp_path, "junit.xml"))
    assert [suite.get("name") for suite in suites] == ["qemu-cortexm", "qemu-mips"]


def read(folder: Path, name: str) -> str:
    return (folder / "merged" / name).read_text()


def test_the_order_of_shards_does_not_matter(shards, merged, tmp_path):
    one, other = (shard.write() for shard in shards)
    merged(one, other, into=tmp_path / "there")
    merged(other, one, other, into=tmp_path / "back")
    texts = [(tmp_path / name / "report.json").read_text() for name in ("there", "back")]
    assert texts[0] == texts[1]


def test_a_cell_of_two_runs_is_refused_with_both(report, merged, tmp_path):
    one, other = report("live"), report("live")
    one.document["cells"].pop(0)
    status, _, errors = merged(one.write(), other.write())
    assert status == 2
    assert "a cell can only be of one run" in errors
    assert f"qemu-mips-openssl-tls13-psk: in run run0 ({tmp_path / 'reports/run0'})" in errors
    assert "and run1" in errors
    assert "qemu-cortexm-openssl-tls13-x509-p256:" not in errors
    assert not (tmp_path / "merged").exists()


def test_a_run_given_twice_counts_once_and_a_merged_report_can_be_merged(
    shards, report, merged, tmp_path
):
    one, other = shards
    third = report("live")
    cut(third, "qemu-cortexm")
    third.document["cells"] = [{**third.first, "scenario": "another"}]
    merged(one.write(), one.write(), other.write(), into=tmp_path / "first")
    status, said, _ = merged(tmp_path / "first", one.write(), third.write())
    assert status == 0
    assert said.endswith(": 3 runs, 5 pass\n")
    assert [cell[1] for cell in names(tmp_path / "merged")] == ["run0"] * 2 + ["run2"] + [
        "run1"
    ] * 2
    ids = [run["id"] for run in document.read(tmp_path / "merged")["run"]["merged_from"]]
    assert ids == ["run0", "run1", "run2"]


def test_two_reports_that_claim_to_be_one_run_and_differ_are_refused(shards, merged, tmp_path):
    one, _ = shards
    first = one.write()
    other = Path(first).rename(tmp_path / "kept")
    one.first["verdict"], one.first["reason"] = "fail", "it got worse"
    status, _, errors = merged(other, one.write())
    assert status == 2
    assert "both say that they are run run0, and differ" in errors


def test_a_board_of_which_two_runs_say_different_things_is_refused(report, merged):
    one, other = report("live"), report("live")
    one.document["cells"] = one.document["cells"][:2]
    other.document["cells"] = other.document["cells"][2:]
    other.document["targets"][0]["firmware"]["image_sha256"] = "cd" * 32
    status, _, errors = merged(one.write(), other.write())
    assert status == 2
    assert "qemu-cortexm: runs run0 and run1 differ in firmware.image_sha256" in errors


def test_a_board_that_never_came_up_in_one_shard_has_the_firmware_of_the_other(
    report, merged, tmp_path
):
    one, other = report("live"), report("live")
    one.document["cells"] = one.document["cells"][:2]
    other.document["cells"] = other.document["cells"][2:]
    one.document["targets"][1]["firmware"] = None
    assert merged(one.write(), other.write())[0] == 0
    assert document.read(tmp_path / "merged")["targets"][1]["firmware"]["image"] == "cortexm"


@pytest.mark.parametrize("asked", [0, 1])
def test_a_board_that_one_shard_asked_of_its_back_ends_has_them(report, merged, tmp_path, asked):
    shards = report("live"), report("live")
    shards[0].document["cells"] = shards[0].document["cells"][:2]
    shards[1].document["cells"] = shards[1].document["cells"][2:]
    shards[asked].document["targets"][0]["backends"] = {"aes": "thumb"}
    assert merged(*(shard.write() for shard in shards))[0] == 0
    assert document.read(tmp_path / "merged")["targets"][0]["backends"] == {"aes": "thumb"}


def test_replays_and_live_runs_are_refused(shards, merged):
    one, other = shards
    other.run["mode"] = "replay"
    status, _, errors = merged(one.write(), other.write())
    assert status == 2
    assert "run0 (live), run1 (replay): replays and live runs do not make one report" in errors


def test_every_report_that_cannot_be_read_is_named_with_its_schema(shards, merged, tmp_path):
    one, other = shards
    other.document["schema"] = "hil-report/2"
    status, _, errors = merged(one.write(), other.write(check=False), tmp_path / "nowhere")
    assert status == 2
    assert "schema 'hil-report/2'; this version reads 'hil-report/1'" in errors
    assert str(tmp_path / "nowhere") in errors


def test_artefacts_of_all_come_along_and_none_takes_the_place_of_another(shards, merged, tmp_path):
    one, other = shards
    keep(one, "console", "artefacts/console.log", "of one")
    keep(other, "console", "artefacts/console.log", "of the other")
    Path(other.write(), "artefacts", "explained.html").write_text("byte by byte")
    assert merged(one.write(), other.write())[0] == 0
    whole = document.read(tmp_path / "merged")
    said = [
        (tmp_path / "merged" / path).read_text()
        for cell in whole["cells"]
        for path in cell["artefacts"].values()
    ]
    assert said == ["of one", "of the other"]
    (page,) = (tmp_path / "merged").rglob("explained.html")
    assert page.read_text() == "byte by byte"


@pytest.mark.parametrize("path", ["../secret.txt", "artefacts/link.txt"])
def test_an_artefact_that_leads_out_of_its_report_is_left_out(shards, merged, tmp_path, path):
    one, other = shards
    folder = Path(one.write())
    (folder.parent / "secret.txt").write_text("secret")
    (folder / "artefacts").mkdir()
    (folder / "artefacts" / "link.txt").symlink_to(folder.parent / "secret.txt")
    one.first["artefacts"]["console"] = path
    status, _, errors = merged(one.write(), other.write())
    assert status == 0
    assert f"artefact {path} of qemu-cortexm is not in the report's folder" in errors
    assert document.read(tmp_path / "merged")["cells"][0]["artefacts"] == {}
    files = [file for file in (tmp_path / "merged").rglob("*") if file.is_file()]
    assert not any("secret" in file.read_text() for file in files)


def test_an_artefact_that_is_gone_is_told(shards, merged):
    one, other = shards
    one.first["artefacts"]["console"] = "artefacts/console.log"
    status, _, errors = merged(one.write(), other.write())
    assert status == 0
    assert "artefact artefacts/console.log of qemu-cortexm is not there" in errors


def test_what_is_in_the_way_is_not_deleted_but_an_earlier_merge_is_replaced(
    shards, merged, tmp_path
):
    one, other = shards
    folder = tmp_path / "merged"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    status, _, errors = merged(one.write(), other.write())
    assert (status, (folder / "notes.txt").read_text()) == (2, "mine")
    assert "is not empty, and holds no merged report" in errors
    (folder / "notes.txt").unlink()
    keep(one, "console", "artefacts/console.log", "of one")
    assert merged(one.write(), other.write())[0] == 0
    assert merged(other.write())[0] == 0
    assert names(folder) == [("qemu-mips", "run1")] * 2
    assert not (folder / "artefacts").exists()
    status, _, errors = merged(folder, one.write())
    assert status == 2
    assert "is to be merged" in errors


def test_with_check_the_exit_status_says_whether_everything_passed(shards, merged):
    one, other = shards
    assert merged(one.write(), other.write(), "--check")[0] == 0
    other.first.update(verdict="fail", reason="wrong alert")
    assert merged(one.write(), other.write())[0] == 0
    assert merged(one.write(), other.write(), "--check")[0] == 1
    other.first.update(verdict="pass", reason=None)
    other.run["passed"] = False
    assert merged(one.write(), other.write(), "--check")[0] == 1


def test_compare_and_history_work_on_merged_reports(shards, report, merged, capsys, tmp_path):
    one, other = shards
    merged(one.write(), other.write(), into=tmp_path / "nights" / "one")
    for shard in shards:
        shard.run["id"] += "-later"
        shard.run["started_utc"] = shard.run["started_utc"].replace("2031", "2032")
    one.figure("heap_live_peak_bytes")["value"] += 4096
    merged(one.write(), other.write(), into=tmp_path / "nights" / "two")
    nights = [str(tmp_path / "nights" / name) for name in ("one", "two")]
    assert cli.main(["compare", nights[0], nights[0]]) == 0
    assert cli.main(["compare", *nights]) == 1
    assert "heap_live_peak_bytes" in capsys.readouterr().out
    options = ("--format", "json", "--measurement", "heap_live_peak_bytes")
    assert cli.main(["history", str(tmp_path / "nights"), *options]) == 0
    series = json.loads(capsys.readouterr().out)["series"]
    assert {len(line["points"]) for line in series} == {2}
