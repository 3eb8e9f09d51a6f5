"""The TLS of a board's own firmware beside tlscore, by the command a user types."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hil import build
from hil.errors import MissingTool
from hil.tlsrig import peers

ROOT = Path(__file__).parents[2]
BOTH = "tls12-ecdsa-gcm"
SCENARIOS = f"{BOTH},tls12-server-ecdsa-gcm,tls12-wrong-name,tls12-alpn"


def run(report: Path, *options: str) -> tuple[int, str, list[dict[str, Any]], list[dict[str, Any]]]:
    """Return exit status and output of a run against OpenSSL, its cells and targets."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    command += ["tests/system/test_handshake.py", "--peer=openssl", f"--report={report}", *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    document = json.loads((report / "report.json").read_text())
    return done.returncode, done.stdout, document["cells"], document["targets"]


@pytest.fixture(scope="module", autouse=True)
def _needed() -> None:
    try:
        build.ensure("unix-mbedtls")
        peers.load("openssl").program()
    except MissingTool as error:
        pytest.skip(str(error))


def test_both_stacks_stand_side_by_side_each_with_its_figures(tmp_path: Path) -> None:
    status, said, cells, targets = run(
        tmp_path, "--target=unix,unix-mbedtls", f"--scenario={SCENARIOS}"
    )
    assert status == 0, said
    found = {(cell["target"], cell["scenario"]): cell for cell in cells}
    assert [target.get("stack", "tlscore") for target in targets] == ["tlscore", "native"]
    skipped = found["unix-mbedtls", "tls12-alpn"]
    assert (skipped["verdict"], skipped["reason"]) == (
        "skip",
        "MicroPython's ssl does not offer ALPN",
    )
    passed = [key for key, cell in found.items() if cell["verdict"] == "pass"]
    assert len(passed) == len(found) - 1
    for target in ("unix", "unix-mbedtls"):
        figures = {one["name"]: one for one in found[target, BOTH]["measurements"]}
        assert figures["heap_live_peak_bytes"]["value"] > 0
        assert figures["handshake_wall_ms"]["value"] > 0
    native, ours = (found[target, BOTH]["negotiated"] for target in ("unix-mbedtls", "unix"))
    assert (native["version"], native["suite"]) == (ours["version"], ours["suite"])
    assert "TLS" in native["stack"]
    # No exporter: the secrets are shown to be the same by other means, which the report names.
    assert native["exporter_method"].startswith("none; instead the board's Finished, recomputed")
    checks = (tmp_path / found["unix-mbedtls", BOTH]["artefacts"]["oracle"]).read_text()
    assert "board has the peer's secrets: the board's Finished, recomputed" in checks
    refused = (
        tmp_path / found["unix-mbedtls", "tls12-wrong-name"]["artefacts"]["oracle"]
    ).read_text()
    assert "ok     board sent alert: bad_certificate" in refused


def test_an_image_without_a_stack_of_its_own_says_which_images_have_one(tmp_path: Path) -> None:
    status, _, cells, _ = run(tmp_path, "--target=unix", "--stack=native", f"--scenario={BOTH}")
    assert status == 1
    (cell,) = cells
    assert (cell["target"], cell["verdict"]) == ("unix-native", "error")
    assert "the image unix has no `ssl`" in cell["reason"]
    assert "unix-mbedtls" in cell["reason"]
