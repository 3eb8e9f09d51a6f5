"""`hil matrix`: its options, what it refuses before anything runs, and what it says of a run."""

from __future__ import annotations

import argparse

import pytest

from hil import compatibility, target
from hil.errors import HilError, MissingTool
from hil.tlsrig.matrix import command, table
from hil.tlsrig.peers import gnutls

HERE = ("--peer=openssl", "--version=1.3", "--suite=TLS_AES_128_GCM_SHA256", "--certificate=p256")


@pytest.fixture
def run():
    parser = argparse.ArgumentParser()
    command.add_parser(parser.add_subparsers())

    def run_(*words: str) -> int:
        options = parser.parse_args(["matrix", *words])
        status: int = options.run(options)
        return status

    return run_


@pytest.fixture
def small(tmp_path):
    """A folder with the target file of a board that has room for a buffer of 5,888 bytes."""
    text = target.load_all()["qemu-lm3s6965"].path.read_text("utf-8")
    text = text.replace('name = "qemu-lm3s6965"', 'name = "small"')
    assert "heap_bytes = 53248" in text
    (tmp_path / "small.toml").write_text(text.replace("heap_bytes = 53248", "heap_bytes = 36864"))
    return tmp_path


def cell(verdict: str, expected: str, size: int = 2048, **other: object) -> dict[str, object]:
    row = {"version": "TLSv1.3", "suite": "TLS_AES_128_GCM_SHA256", "certificate": "p256"}
    place = {**row, "buffer_bytes": size, "expected": expected, "reason": f"because {expected} | x"}
    return {
        "target": "unix",
        "peer": "openssl",
        "peer_version": "3.0",
        "scenario": f"matrix-{size}",
        "role": "client",
        "verdict": verdict,
        "reason": None if verdict == "pass" else "board sent alert: found none\nconsole",
        "matrix": place,
        **other,
    }


def test_list_says_what_would_be_run_and_runs_nothing(run, capsys):
    assert run("--list", *HERE) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "8 cells"
    assert len(lines) == 9
    assert sum(line.endswith(": refused") for line in lines) == 2, "2 KB and 5 KB as a server"


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--role=sniffer"], "'sniffer' is none of client, server"),
        (["--buffer=big"], "'big' is no number of bytes from 64 to 16384"),
        (["--buffer=2048,16385"], "'16385' is no number of bytes"),
        (["--version=1.1"], "TLSv1.1"),
        (["--peer=nosuch"], "nosuch"),
        (["--target=nosuch"], "nosuch"),
    ],
)
def test_a_wrong_choice_is_refused_by_name(run, options, named):
    with pytest.raises(HilError) as error:
        run("--list", *options)
    assert named in str(error.value)


def test_a_buffer_without_room_on_the_board_is_refused_when_it_is_set(run, small):
    with pytest.raises(HilError) as error:
        run("--list", "--target=small", f"--target-dir={small}", "--buffer=2048,8192", *HERE)
    assert "8,192 bytes do not fit small" in str(error.value)
    assert "the largest that fits is 5,888" in str(error.value)


def test_sizes_without_room_are_left_out_where_nobody_asked_for_them(run, small, capsys):
    assert run("--list", "--target=small", f"--target-dir={small}", "--role=client", *HERE) == 0
    lines = capsys.readouterr().out.splitlines()
    left_out = [line.split()[-3] for line in lines if line.endswith(": not run")]
    assert left_out == ["8192:", "16384:"]


def test_a_peer_that_is_missing_is_left_out_unless_it_was_named(run, monkeypatch, capsys):
    def missing():
        raise MissingTool("gnutls-serv", gnutls.INSTALL)

    monkeypatch.setattr(gnutls, "program", missing)
    only = HERE[1:]
    assert run("--list", "--peer=*tls,openssl", *only) == 0
    said = capsys.readouterr()
    assert "gnutls" in said.err
    assert "hil peers" in said.err
    assert "gnutls" not in said.out
    with pytest.raises(MissingTool, match=gnutls.INSTALL):
        run("--list", "--peer=gnutls", *only)


def test_all_is_well_if_what_could_not_work_was_refused():
    cells = [cell("pass", "pass"), cell("pass", "refused", 5120)]
    text, fine = table.summary({"cells": cells}, 120)
    assert fine
    assert "1 work, 1 refused" in text
    assert "because refused" in text


@pytest.mark.parametrize("verdict", ["fail", "hang", "error", "infra"])
def test_a_cell_that_is_not_as_it_must_be_is_told_and_fails_the_run(verdict):
    cells = [cell("pass", "pass"), cell(verdict, "refused", 5120)]
    text, fine = table.summary({"cells": cells}, 120)
    assert not fine
    assert f"{verdict}: openssl matrix-5120: board sent alert: found none" in text


def test_a_run_in_which_nothing_ran_is_not_well():
    assert not table.summary({"cells": [cell("skip", "refused")]}, 120)[1]


def test_cells_are_sorted_into_a_grid_of_each_board_and_role():
    cells = [
        cell("pass", "pass", 16384),
        {"scenario": "other", "verdict": "pass"},
        cell("pass", "refused", 2048),
        cell("fail", "pass", 2048, role="server"),
    ]
    client, server = compatibility.grids(cells)
    assert client.columns == {"openssl 3.0": [2048, 16384]}
    heading = ("TLSv1.3", "TLS_AES_128_GCM_SHA256", "p256")
    first = client.rows[heading]
    assert first["openssl 3.0", 2048].outcome == "refused"
    assert first["openssl 3.0", 2048].index == 2
    assert client.notes[first["openssl 3.0", 16384].note - 1] == "because pass | x"
    assert client.counts == {"pass": 1, "refused": 1}
    assert server.counts == {"fail": 1}
    assert server.notes == ["Not as it must be (fail): board sent alert: found none"]


def test_markdown_has_a_table_and_the_reasons_and_nothing_breaks_out_of_it():
    text = "\n".join(compatibility.markdown([cell("pass", "pass"), cell("pass", "refused", 5120)]))
    assert "## Compatibility of unix as client" in text
    assert "pass 2K [1]; refused 5K [2]" in text
    assert "2. because refused \\| x" in text
    assert not list(compatibility.markdown([{"verdict": "pass"}]))
