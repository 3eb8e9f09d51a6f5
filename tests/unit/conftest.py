"""What unit tests share: handshakes that other implementations made, as a link would have had them,
and C files of the ports as functions of this machine.

The handshakes are from the vectors of `tls/tests`: the traces of RFC 8448, and handshakes recorded
between OpenSSL and GnuTLS, with the hellos of two older stacks. In all of them the board stands for
the client.
"""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from hil.link import BOARD_TO_PEER, PEER_TO_BOARD, Chunk

VECTORS = Path(__file__).parents[2] / "tls" / "tests" / "vectors"
# RFC 8448 names secrets by their purpose.
LABELS = {
    "client_handshake": "client_handshake_traffic_secret",
    "server_handshake": "server_handshake_traffic_secret",
    "client_application": "client_traffic_secret_0",
    "server_application": "server_traffic_secret_0",
    "exporter": "exporter_secret",
}


class Trace(NamedTuple):
    """One handshake: what was delivered, its key log, and whatever else the file has of it."""

    transcript: list[Chunk]
    key_log: str
    facts: dict[str, bytes]


class Traces(dict[str, Trace]):
    """Traces by name, which a failing test does not print."""

    def __repr__(self) -> str:
        """Return something short."""
        return f"<{len(self)} traces>"


def _trace(facts: dict[str, bytes]) -> Trace:
    records = [
        (name, data) for name, data in facts.items() if name.startswith(("flight_", "record_"))
    ]
    transcript = [
        Chunk(BOARD_TO_PEER if "client" in name else PEER_TO_BOARD, data, 0.1 * number)
        for number, (name, data) in enumerate(records)
    ]
    client_random = records[0][1][11:43].hex()
    secrets = {
        LABELS.get(name.removeprefix("secret_"), name.removeprefix("secret_")): data
        for name, data in facts.items()
        if name.startswith("secret_")
    }
    lines = [f"{label.upper()} {client_random} {data.hex()}" for label, data in secrets.items()]
    return Trace(transcript, "".join(f"{line}\n" for line in lines), facts)


@pytest.fixture(scope="session")
def traces() -> Traces:
    """All of them, by name."""
    found: dict[str, dict[str, bytes]] = {}
    for file in ("rfc8448.traces", "recorded.traces", "recorded_tls12.traces"):
        for line in (VECTORS / file).read_text("ascii").splitlines():
            if line.startswith("["):
                facts = found.setdefault(line.strip("[]"), {})
            elif line and not line.startswith("#"):
                name, _, value = line.partition(" = ")
                facts[name] = bytes.fromhex(value)
    return Traces((name, _trace(facts)) for name, facts in found.items())


@pytest.fixture(scope="session")
def c_functions(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., ctypes.CDLL]:
    """Compile a C file for this machine; call with its path and further options of the compiler."""

    def compiled(source: Path, *options: str) -> ctypes.CDLL:
        if shutil.which("gcc") is None:
            pytest.skip("gcc is not installed: apt-get install gcc")
        made = tmp_path_factory.mktemp(source.stem) / f"{source.stem}.so"
        command = ["gcc", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", *options]
        subprocess.run([*command, "-o", str(made), str(source)], check=True)
        return ctypes.CDLL(str(made))

    return compiled
