"""What a run leaves behind can be used: captures open in tshark, pages and reasons can be read."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from hil import paths, readiness, target
from hil.tlsrig import capture
from hil.tlsrig.encounter import payload
from hil.tlsrig.explain import command as explain_command

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

HANDSHAKE = Path(__file__).with_name("test_handshake.py")
BOARD = "qemu-cortexm"  # its link is a UART
CELLS = ("tls13-x509-p256", "tls13-psk", "tls13-resumption", "tls13-wrong-name")
ECHO_BYTES = (1, 64, 1000, 5000)
TIMEOUT_S = 300


def run_cells(report: Path, board: str, scenarios: str) -> dict:
    """Run handshakes and return their report."""
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(HANDSHAKE)]
    argv += [f"--target={board}", f"--scenario={scenarios}"]
    argv += [f"--report={report}", f"--rootdir={HANDSHAKE.parents[2]}"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=TIMEOUT_S)
    assert done.returncode == 0, done.stdout[-3000:]
    return json.loads((report / "report.json").read_text())


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """The folder of a run over a UART."""
    lacking = readiness.missing(target.load(paths.targets_dir() / f"{BOARD}.toml"))
    if lacking:
        pytest.skip("; ".join(lacking))
    directory = tmp_path_factory.mktemp("report")
    run_cells(directory, BOARD, ",".join(CELLS))
    return directory


@pytest.fixture(scope="module")
def cells(report):
    """The cells by scenario, their artefacts as files."""
    found = {}
    for cell in json.loads((report / "report.json").read_text())["cells"]:
        cell["artefacts"] = {name: report / path for name, path in cell["artefacts"].items()}
        found[cell["scenario"]] = cell
    return found


def tshark(*arguments: object) -> str:
    """Return what tshark prints."""
    argv = ["tshark", *map(str, arguments)]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=60)
    except FileNotFoundError:
        pytest.skip("tshark is not installed: apt-get install tshark")
    return done.stdout


def without_its_secrets(path: Path, directory: Path) -> Path:
    """Return a copy of a capture that only the key log can open."""
    transcript, key_log = capture.read(path)
    assert key_log
    copy = directory / path.name
    capture.write(copy, transcript, "")
    return copy


@pytest.mark.parametrize("scenario", CELLS[:3])
def test_the_key_log_opens_the_application_data_of_a_uart(cells, tmp_path, scenario):
    artefacts = cells[scenario]["artefacts"]
    for name in ("first_capture", "capture"):
        if name not in artefacts:
            continue
        file = without_its_secrets(artefacts[name], tmp_path)
        arguments = [
            "-o",
            f"tls.keylog_file:{artefacts['key_log']}",
            "-q",
            "-z",
            "follow,tls,raw,0",
        ]
        followed = tshark("-r", file, *arguments).splitlines()
        by_sender = ["", ""]  # tshark sets off what the server sent by a tab
        for line in followed:
            if all(letter in "0123456789abcdef\t" for letter in line):
                by_sender[line.startswith("\t")] += line.strip()
        expected = b"".join(payload(size) for size in ECHO_BYTES).hex()
        if name == "first_capture":
            expected = payload(1).hex()
        assert by_sender == [expected, expected]


@pytest.mark.parametrize("scenario", CELLS)
def test_captures_need_no_excuse(cells, scenario):
    file = cells[scenario]["artefacts"]["capture"]
    checks = ["-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"]
    assert tshark("-r", file, *checks, "-Y", "_ws.malformed || tcp.analysis.flags") == ""
    assert tshark("-r", file, *checks, "-Y", "tcp.checksum.status != 1") == ""
    expert = tshark("-r", file, *checks, "-q", "-z", "expert,warn")
    assert "Errors" not in expert
    assert "Warn" not in expert


def test_the_scenario_and_the_command_line_are_kept(cells):
    for name, cell in cells.items():
        scenario = tomllib.loads(cell["artefacts"]["scenario"].read_text("utf-8"))
        assert scenario["name"] == name
        assert cell["artefacts"]["qemu_command"].read_text("utf-8").startswith("qemu-system-arm ")


def test_a_refusal_is_explained_and_a_success_is_not(cells):
    text = cells["tls13-wrong-name"]["explanation"]
    assert "the alert bad_certificate (42) over openssl (server)'s certificate" in text
    assert "names are elsewhere.invalid; the board asked for localhost" in text
    assert "What to change: connect by a name that is in the certificate" in text
    assert cells["tls13-x509-p256"]["explanation"] is None


@pytest.mark.parametrize(
    ("scenario", "first", "said"),
    [
        ("tls13-x509-p256", False, "5 proofs verified"),  # two signatures in the chain, three more
        ("tls13-psk", False, "3 proofs verified"),
        ("tls13-resumption", False, "3 proofs verified"),  # the ticket's key made the binder
        ("tls13-resumption", True, "5 proofs verified"),
        ("tls13-wrong-name", False, "names are elsewhere.invalid"),
    ],
)
def test_the_annotated_page_is_made_of_what_was_kept(report, cells, scenario, first, said):
    document = json.loads((report / "report.json").read_text())
    cell = cells[scenario]
    page = explain_command.explained(document, cell, cell["artefacts"], first=first)
    assert said in page
    assert "cannot be checked" not in page
    assert "Not opened" not in page
