"""Handshakes over a board's own TCP/IP (`--link=net`), judged by what was on the wire."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from hil import paths, readiness, target

HANDSHAKE = Path(__file__).with_name("test_handshake.py")
MSS, WINDOW = "536", 2144
TIMEOUT_S = 300
# Messages in the order of RFC 8446 §2: hellos, extensions, certificate, its proof, both Finished.
HANDSHAKE_TYPES = ["1", "2", "8", "11", "15", "20", "20"]


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """The folder of the report of a handshake of each version."""
    lacking = readiness.missing(target.load(paths.targets_dir() / "qemu-mips.toml"))
    if lacking:
        pytest.skip("; ".join(lacking))
    report = tmp_path_factory.mktemp("report")
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(HANDSHAKE)]
    argv += ["--target=qemu-mips", "--link=net", "--scenario=tls13-x509-p256,tls12-ecdsa-gcm"]
    argv += [f"--report={report}", f"--rootdir={HANDSHAKE.parents[2]}"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=TIMEOUT_S)
    assert done.returncode == 0, done.stdout[-3000:]
    return report


@pytest.fixture(scope="module")
def cells(report):
    """The cells of both handshakes, TLS 1.3 first."""
    found = json.loads((report / "report.json").read_text())["cells"]
    return sorted(found, key=lambda cell: cell["scenario"], reverse=True)


@pytest.fixture(scope="module")
def artefacts(report, cells):
    """The artefacts of the handshake of TLS 1.3."""
    return {name: report / path for name, path in cells[0]["artefacts"].items()}


@pytest.fixture
def packets(artefacts):
    """Ask tshark for a field of all packets that have it."""

    def values(field, only):
        argv = ["tshark", "-r", str(artefacts["wire"]), "-d", "tcp.port==4433,tls", "-Y", only]
        argv += ["-o", f"tls.keylog_file:{artefacts['key_log']}", "-T", "fields", "-e", field]
        try:
            done = subprocess.run(argv, capture_output=True, text=True, check=True)
        except FileNotFoundError:
            pytest.skip("tshark is not installed: apt-get install tshark")
        return re.split(r"[\n,]+", done.stdout.strip())

    return values


def test_both_versions_pass(cells):
    assert [(cell["target"], cell["verdict"]) for cell in cells] == 2 * [("qemu-mips-net", "pass")]
    assert [cell["negotiated"]["version"] for cell in cells] == ["TLSv1.3", "TLSv1.2"]


def test_the_connection_is_opened_with_a_small_segment_size_and_window(packets):
    opening = "ip.src == 10.0.2.15 && tcp.flags.syn == 1"
    assert packets("tcp.options.mss_val", opening) == [MSS]
    windows = map(int, packets("tcp.window_size_value", "ip.src == 10.0.2.15 && tcp"))
    assert max(windows) == WINDOW


def test_no_segment_exceeds_what_the_board_can_take(packets):
    lengths = list(map(int, packets("tcp.len", "tcp")))
    assert max(lengths) == int(MSS)
    assert sum(lengths) > 10_000


def test_the_handshake_on_the_wire_decodes_with_the_key_log(packets):
    types = packets("tls.handshake.type", "tls.handshake.type")
    assert [kind for kind in types if kind != "4"] == HANDSHAKE_TYPES  # 4: session tickets
    assert set(packets("tls.handshake.ciphersuite", "tls.handshake.type == 2")) == {"0x1301"}
    assert packets("tls.alert_message.desc", "tls.alert_message")[:1] == ["0"]  # close_notify
