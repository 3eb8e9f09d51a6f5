"""`hil matrix` with real boards and peers: what works, what is refused by whom, and the report."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from hil import cli, document
from hil.errors import MissingTool
from hil.tlsrig import abilities, cell, peers, scenario
from hil.tlsrig.peers import openssl

TLS13 = "--suite=TLS_AES_128_GCM_SHA256"
ECDSA = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"


@pytest.fixture
def matrix(tmp_path, capsys):
    """Run `hil matrix` with these options; return its status, its report and what it printed."""

    def matrix_(*options: str):
        folder = tmp_path / "report"
        status = cli.main(["matrix", *options, "-q", "-o", str(folder)])
        found = json.loads((folder / "report.json").read_text("utf-8"))
        document.validate(found)
        return status, found, capsys.readouterr().out

    return matrix_


def by_place(report) -> dict[tuple[str, str, str, int], dict]:
    """Return the cells by peer, role, version and size."""
    return {
        (
            cell["peer"],
            cell["role"],
            cell["matrix"]["version"],
            cell["matrix"]["buffer_bytes"],
        ): cell
        for cell in report["cells"]
    }


def test_a_small_matrix_works_or_is_refused_as_both_ends_declare(matrix, tmp_path):
    chosen = ["openssl", "gnutls", "bearssl"]
    try:
        peers.load("bearssl").program()
    except MissingTool as error:
        pytest.skip(str(error))
    status, report, said = matrix(
        f"--peer={','.join(chosen)}",
        f"{TLS13},{ECDSA}",
        "--certificate=p256",
        "--buffer=2048,16384",
    )
    assert status == 0
    assert "24 cells: 17 work, 7 refused" in said
    found = by_place(report)
    assert len(found) == len(report["cells"]) == 24
    assert {cell["verdict"] for cell in found.values()} == {"pass"}

    for peer in chosen:  # TLS 1.2 with the large buffer is what all of them have, in both roles
        for role in ("client", "server"):
            cell = found[peer, role, "TLSv1.2", 16384]
            assert cell["matrix"]["expected"] == "pass"
            assert cell["negotiated"]["suite"] == ECDSA

    too_new = found["bearssl", "server", "TLSv1.3", 2048]
    assert too_new["matrix"]["expected"] == "refused"
    assert too_new["negotiated"]["alert"] == "protocol_version (70) from board"
    assert "bearssl speaks TLS 1.2" in too_new["matrix"]["reason"]

    overflow = found["openssl", "server", "TLSv1.3", 2048]
    assert overflow["negotiated"]["alert"] == "record_overflow (22) from board"
    assert "smaller records" in overflow["matrix"]["reason"]
    assert overflow["explanation"]
    assert (tmp_path / "report" / overflow["artefacts"]["oracle"]).is_file()
    assert found["gnutls", "server", "TLSv1.3", 2048]["matrix"]["expected"] == "pass"

    page = (tmp_path / "report" / "report.html").read_text("utf-8")
    assert "What works with whom" in page
    assert "## Compatibility of unix as server" in (tmp_path / "report" / "report.md").read_text()


def test_a_peer_that_fails_at_what_it_declares_fails_the_matrix(matrix, monkeypatch):
    able = openssl.ABILITIES.client | {abilities.RECORD_SIZE_LIMIT}
    boast = abilities.Abilities(openssl.ABILITIES.server, able)
    monkeypatch.setattr(openssl, "ABILITIES", boast)
    status, report, said = matrix(
        "--peer=openssl", "--role=server", TLS13, "--certificate=p256", "--buffer=2048"
    )
    assert status == 1
    assert [cell["verdict"] for cell in report["cells"]] == ["fail"]
    assert "1 not as they must be" in " ".join(said.split())  # wherever the lines break
    assert "record_overflow" in said


def test_a_row_on_an_emulated_board(matrix):
    status, report, _ = matrix(
        *("--target=qemu-cortexm", "--peer=openssl", "--role=client", TLS13, "--certificate=p256"),
        "--buffer=2048,16384",
    )
    assert status == 0
    assert [(cell["verdict"], cell["matrix"]["expected"]) for cell in report["cells"]] == [
        ("pass", "pass")
    ] * 2
    assert report["targets"][0]["name"] == "qemu-cortexm"
    assert (
        "max_fragment_length"
        in by_place(report)["openssl", "client", "TLSv1.3", 2048]["matrix"]["reason"]
    )


# Too little for the largest buffer beside a handshake with certificates.
SMALL_HEAP_BYTES = 36_864
RECORD_OVERHEAD_BYTES = 22


@pytest.fixture
def with_buffer(hil_target, dut_factory, tmp_path):
    """Run a handshake on a fresh board with a small heap: `with_buffer(plaintext bytes)`."""
    if hil_target.name != "qemu-cortexm":
        pytest.skip("one emulated board stands for all")
    plain = scenario.load_all()["tls13-x509-p256"]

    def run(size: int):
        folder = tmp_path / str(size)
        folder.mkdir()
        board = dut_factory(hil_target.uncounted(), heap_bytes=SMALL_HEAP_BYTES)
        tried = replace(plain, board=replace(plain.board, max_record_bytes=size))
        return cell.run(tried, "openssl", board, seed=bytes(range(48)), log_dir=folder)

    return run


def test_a_board_refuses_a_buffer_without_room_and_names_the_largest_that_has(with_buffer):
    refused = with_buffer(16_384)
    assert refused.verdict == "fail"
    found = re.search(r"config\.record_buffer_bytes_over_(\d+)", refused.reason)
    assert found is not None, refused.reason
    largest = int(found[1]) - RECORD_OVERHEAD_BYTES
    assert with_buffer(largest).verdict == "pass"
    assert with_buffer(largest + 1).reason == refused.reason
