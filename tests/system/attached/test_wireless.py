"""Bytes under test through the air: a simulated radio, and above it real DHCP, IP, TCP and TLS."""

from __future__ import annotations

import dataclasses
import json
import os
import socket
import subprocess
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from hil import boot, build, process, readiness, target
from hil.errors import InfraError
from hil.target import LinkSpec

from .conftest import SIMBOARD

sys.path.insert(0, str(SIMBOARD))
from radio import HOST, LISTEN, PASSWORD, SSID

PLACE = "pci-0:1.1:1.0-port0"
TARGETS = SIMBOARD / "targets-wireless"
FACTS = target.load(TARGETS / "simulated-wireless.toml")


@pytest.fixture(scope="module")
def air() -> int:
    """A port on which the farm may listen, and where the simulated air leads to."""
    there = dataclasses.replace(
        FACTS, boot=dataclasses.replace(FACTS.boot, arguments={"port": "x"})
    )
    lacking = readiness.missing(there)
    if lacking:
        pytest.skip("; ".join(lacking))
    with socket.create_server((LISTEN, 0)) as free:
        port: int = free.getsockname()[1]
    return port


@pytest.fixture(scope="module")
def devices(air: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder of devices with a wireless board in it."""
    folder = tmp_path_factory.mktemp("dev")
    argv = [sys.executable, str(SIMBOARD / "pty_board.py"), str(folder), PLACE]
    argv += ["--image=simboard-wireless", f"--radio-port={air}"]
    child = process.supervised(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    yield folder
    process.stop(child)


@pytest.fixture(autouse=True)
def machine(devices: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIL_DEV", str(devices))
    for name in [name for name in os.environ if name.startswith("HIL_WIFI")]:
        monkeypatch.delenv(name)


def secrets_in(text: str) -> list[str]:
    words = (SSID, PASSWORD, repr(PASSWORD)[1:-1], json.dumps(PASSWORD)[1:-1])
    return [word for word in words if word in text]


def test_handshakes_pass_over_the_air_and_nothing_keeps_the_password(
    air: int, tmp_path: Path
) -> None:
    wifi = tmp_path / "wifi.toml"
    said = {"ssid": SSID, "password": PASSWORD, "host": HOST, "listen": f"{LISTEN}:{air}"}
    wifi.write_text("".join(f"{key} = {json.dumps(value)}\n" for key, value in said.items()))
    wifi.chmod(0o600)
    lab = tmp_path / "lab.toml"
    lab.write_text(
        f'[lab]\nwifi = "wifi.toml"\n[boards.air]\n'
        f'target = "simulated-wireless"\nusb_path = "{PLACE}"\n'
    )
    report = tmp_path / "report"
    run = [
        *(sys.executable, "-m", "pytest", "-vv", "--showlocals", "tests/system/test_handshake.py"),
        *(f"--target-dir={TARGETS}", f"--lab={lab}", "--target=lab:air"),
        *("--link=net", "--peer=openssl", "--scenario=tls13-psk,tls13-x509-p256"),
        *(f"--report={report}", f"--basetemp={tmp_path / 'logs'}"),
    ]
    done = subprocess.run(
        run, cwd=SIMBOARD.parents[1], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stdout
    cells = json.loads((report / "report.json").read_text())["cells"]
    assert [(cell["target"], cell["scenario"], cell["verdict"]) for cell in cells] == [
        ("simulated-wireless@air-net", "tls13-psk", "pass"),
        ("simulated-wireless@air-net", "tls13-x509-p256", "pass"),
    ]
    kept = [*report.rglob("*"), *(tmp_path / "logs").rglob("*")]
    texts = [path.read_bytes().decode("latin-1") for path in kept if path.is_file()]
    assert len(texts) > 5
    assert not any(secrets_in(text) for text in [*texts, done.stdout, done.stderr])


def test_a_network_that_does_not_take_the_board_is_told_without_the_password(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    password = "a wrong secret"
    monkeypatch.setenv("HIL_WIFI_SSID", SSID)
    monkeypatch.setenv("HIL_WIFI_PASSWORD", password)
    facts = dataclasses.replace(FACTS, link=LinkSpec("net"), identify={"usb_path": PLACE})
    with pytest.raises(
        InfraError, match=r"has not joined the wireless network: its password is wrong"
    ) as met:
        boot.boot(facts, build.ensure(facts.image), log_dir=tmp_path)
    frames = traceback.TracebackException.from_exception(met.value, capture_locals=True)
    ours = "".join(frames.format()).split("in boot\n", 1)[1]  # below this test, which has it
    assert password not in ours
