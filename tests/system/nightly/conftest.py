"""A lab of simulated boards (tests/simboard), and its night by the command that tox runs."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from hil import process

ROOT = Path(__file__).parents[3]
SIMBOARD = ROOT / "tests" / "simboard"
# The beginning of OpenSSL's ServerHello with x25519 and a pre-shared key: record, length, message.
PSK_SERVER_HELLO = "16030300800200007c"


@dataclass(frozen=True)
class Lab:
    """A lab's file, its leases, and where the reports of its nights are."""

    file: Path
    leases: Path
    reports: Path

    def night(self, *options: str, add: str = "") -> subprocess.Popen[str]:
        """Begin a night: tox's own command, with more options and more lines in the lab's file."""
        file = self.file
        if add:
            file = self.file.with_name("more.toml")
            file.write_text(self.file.read_text() + add)
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTEST_", "HIL_LEASES", "HIL_TARGET"))
        }
        environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
        environment["HIL_LAB"], environment["HIL_REPORTS"] = str(file), str(self.reports)
        more = [f"--target-dir={SIMBOARD / 'targets'}", *options]
        return subprocess.Popen(
            command(environment, more),
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )


def command(environment: dict[str, str], more: list[str]) -> list[str]:
    """Return the command of `tox -e nightly -- MORE`."""
    asked = [sys.executable, "-m", "tox", "config", "-e", "nightly", "-k", "commands", "--", *more]
    said = subprocess.run(
        asked, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    ).stdout
    (line,) = (line for line in said.splitlines() if line.startswith("commands = "))
    return shlex.split(line.removeprefix("commands = "))


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Two boards; the supply of one gives way once, in the middle of a handshake with a PSK."""
    folder = tmp_path_factory.mktemp("lab")
    weak = ("--restart=0.01", f"--begins-at={PSK_SERVER_HELLO}", "--cure=restart")
    with ExitStack() as running:
        ports = [_start(running, "mbed", *options) for options in (weak, ())]
        file = folder / "lab.toml"
        file.write_text(_LAB.format(*ports))
        yield Lab(file, folder / "leases", folder / "reports")


def _start(running: ExitStack, *arguments: str) -> str:
    child = process.supervised([sys.executable, str(SIMBOARD), *arguments], stdout=subprocess.PIPE)
    running.callback(process.stop, child)
    assert child.stdout is not None
    return child.stdout.readline().decode().strip()


_LAB = """
[lab]
leases = "leases"

[boards.weak]
target = "simulated-mbed"
port = "{}"

[boards.sound]
target = "simulated-mbed"
port = "{}"

[boards.loose]
target = "simulated-mbed"
port = "rfc2217://127.0.0.1:9"
quarantine = "its USB plug is loose"

[[flaky]]
target = "simulated-mbed@weak"
peer = "openssl"
scenario = "tls13-psk"
reason = "its supply gives way"
allowed_by = "Kim"
until = 9999-12-31
"""
