"""A shelf of simulated boards behind a real labgrid coordinator and exporter, all on loopback.

The coordinator's places are in the file in which it keeps them itself. The exporter has the RFC
2217 port of each board (tests/simboard), and a switch that is a web server of this module's.
"""

from __future__ import annotations

import http.server
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hil import process

SIMBOARD = Path(__file__).parents[1] / "simboard"
PLACES = ("bench-1", "bench-2")
PATIENCE_S = 30
# A switch without a port.
DARK = {"dark": {"NetworkPowerPort": {"model": "simplerest", "host": "http://x", "index": 2}}}

TESTS = """
    import os
    import pytest
    from hil.report import Cell

    @pytest.mark.parametrize("scenario", ["one", "two"])
    def test_board(dut, hil_target, hil_record, scenario):
        if os.environ.get("DWELLS"):  # tells that it has the board, and keeps it until it is told
            with open("inside", "w") as told:
                print(hil_target.name, file=told)
            with open("go") as go:
                go.read()
        assert dut.call("hil_agent:heap_bytes", timeout_s=30) == dut.heap_bytes
        hil_record(Cell(hil_target.name, None, None, scenario, verdict="pass"))
"""


@dataclass
class Shelf:
    """What runs, and how to look at it.

    Attributes:
        address: of the coordinator.
        folder: where its files are.
        switched: what the switch of bench-1 was told, in order.
    """

    address: str
    folder: Path
    switched: list[str] = field(default_factory=list)

    def client(self, *arguments: str, user: str = "another-host/ann") -> str:
        """Do what somebody does at another machine, by labgrid's own client."""
        host, _, name = user.partition("/")
        done = subprocess.run(
            [sys.executable, "-m", "labgrid.remote.client", "-x", self.address, *arguments],
            env={**os.environ, "LG_HOSTNAME": host, "LG_USERNAME": name},
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_S,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def holders(self) -> dict[str, str]:
        """Return who has which place, `host/user`."""
        rows = [line.split() for line in self.client("who").splitlines()[1:]]
        return {place: f"{host}/{user}" for user, host, place, *_ in rows}

    def await_free(self) -> None:
        """Wait until nobody has any place."""
        deadline = time.monotonic() + PATIENCE_S
        while self.holders():
            assert time.monotonic() < deadline, self.holders()


def await_export(address: str) -> None:
    """Wait until a coordinator knows what the exporter has."""
    deadline = time.monotonic() + PATIENCE_S
    while "shelf/dark/NetworkPowerPort" not in Shelf(address, Path()).client("resources"):
        assert time.monotonic() < deadline


class _Switch(http.server.BaseHTTPRequestHandler):
    """`GET /<place>/<0 or 1>`, as labgrid's driver `simplerest` asks."""

    switched: list[str] = []  # noqa: RUF012  (what happens to the one server there is)

    def do_GET(self) -> None:
        """Switch."""
        self.switched.append(self.path)
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        """Say nothing."""


@contextmanager
def coordinator(folder: Path, listen: str = "127.0.0.1:0") -> Iterator[str]:
    """Run a coordinator; yields its address."""
    argv = [sys.executable, "-m", "labgrid.remote.coordinator", "-l", listen]
    with (folder / "coordinator.log").open("ab") as log:
        child = process.supervised(argv, cwd=folder, stdout=subprocess.PIPE, stderr=log)
    try:
        assert child.stdout is not None
        line = child.stdout.readline().decode()
        assert line.startswith("listening on "), line
        threading.Thread(target=child.stdout.read, daemon=True).start()
        yield line.split()[-1]
    finally:
        child.kill()
        process.stop(child)


@contextmanager
def exporter(folder: Path, address: str, groups: Mapping[str, object]) -> Iterator[None]:
    """Run an exporter called `shelf`."""
    (folder / "shelf.yaml").write_text(json.dumps(groups))  # JSON is YAML
    argv = [sys.executable, "-m", "labgrid.remote.exporter", "-c", address, "-n", "shelf"]
    with (folder / "exporter.log").open("ab") as log:
        child = process.supervised([*argv, "shelf.yaml"], cwd=folder, stdout=log, stderr=log)
    try:
        yield
    finally:
        child.kill()
        process.stop(child)


def place(group: str, **tags: str) -> dict[str, object]:
    """Return a place as the coordinator keeps it."""
    match = {"exporter": "shelf", "group": group, "cls": "*", "name": None, "rename": None}
    return {"aliases": [], "comment": "", "tags": tags, "matches": [match]}


@pytest.fixture(scope="session")
def ports() -> Iterator[list[tuple[str, int]]]:
    """The ports of the simulated boards."""
    with ExitStack() as running:
        children = []
        for _ in PLACES:
            argv = [sys.executable, str(SIMBOARD), "mbed"]
            child = process.supervised(argv, stdout=subprocess.PIPE)
            running.callback(process.stop, child)
            children.append(child)
        found = []
        for child in children:
            assert child.stdout is not None
            host, _, port = child.stdout.readline().decode().strip().rpartition(":")
            found.append((host.removeprefix("rfc2217://"), int(port)))
        yield found


@pytest.fixture(scope="session")
def switch() -> Iterator[str]:
    """The address of the switch."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Switch) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def groups(ports: list[tuple[str, int]], switch: str) -> dict[str, object]:
    """What the exporter exports."""
    found: dict[str, dict[str, object]] = {
        name: {"NetworkSerialPort": {"host": host, "port": port}}
        for name, (host, port) in zip(PLACES, ports, strict=True)
    }
    found["bench-1"]["NetworkPowerPort"] = {
        "model": "simplerest",
        "host": f"{switch}/{{index}}/{{value}}",
        "index": 1,
    }
    found["broken"] = {
        "NetworkSerialPort": {"host": "127.0.0.1", "port": 1},
        "NetworkPowerPort": {"model": "simplerest", "host": "http://127.0.0.1:1/", "index": 1},
    }
    return {**found, **DARK}


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory, groups: dict[str, object]) -> Iterator[Shelf]:
    """The shelf; a test leaves every place free."""
    folder = tmp_path_factory.mktemp("shelf")
    places = {
        "bench-1": place("bench-1", board="mbed", shelf="left"),
        "bench-2": place("bench-2", board="mbed", shelf="right"),
        "broken": place("broken"),
        "dark": place("dark"),
        "empty": place("nowhere"),
    }
    (folder / "places.yaml").write_text(json.dumps(places))
    with coordinator(folder) as address, exporter(folder, address, groups):
        found = Shelf(address, folder, _Switch.switched)
        await_export(found.address)
        yield found


@pytest.fixture(autouse=True)
def _inner_runs_with_this_plugin_only(monkeypatch: pytest.MonkeyPatch, pytester) -> None:
    """Do without the TLS rig and what is slow to import, and keep leases of inner runs apart."""
    without = "-p no:hil-tls -p no:hypothesispytest -p no:labgrid"
    monkeypatch.setenv("PYTEST_ADDOPTS", f"{without} --target-dir={SIMBOARD / 'targets'}")
    monkeypatch.setenv("COLUMNS", "140")
    monkeypatch.setenv("HIL_LEASES", str(pytester.path / "leases"))
    monkeypatch.delenv("LG_COORDINATOR", raising=False)


@pytest.fixture
def lab(pytester, shelf: Shelf) -> Iterator[Callable[[str], None]]:
    """Write the lab of inner runs: one board by its place's name, two by tags; further ones added.

    When the test ends, nobody has any place.
    """
    (pytester.path / "lab.toml").write_text(f"""
[lab]
coordinator = "{shelf.address}"

[boards.first]
target = "simulated-mbed"
place = "bench-1"

[boards.any]
target = "simulated-mbed"
place_tags = {{ board = "mbed" }}

[boards.other]
target = "simulated-mbed"
place_tags = {{ board = "mbed" }}
""")
    pytester.makepyfile(TESTS)

    def add(text: str) -> None:
        with (pytester.path / "lab.toml").open("a") as file:
            file.write(text)

    yield add
    shelf.await_free()


def started(pytester, *options: str, **variables: str) -> subprocess.Popen[str]:
    """Start a run, as its users do."""
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", *options],
        cwd=pytester.path,
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@contextmanager
def dwelling(pytester, board: str, *options: str) -> Iterator[subprocess.Popen[str]]:
    """Let a run have a board until `go` is written to: waits until it is booted there.

    It has one test, unless there are options.
    """
    inside, go = (pytester.path / name for name in ("inside", "go"))
    inside.unlink(missing_ok=True)
    go.unlink(missing_ok=True)
    os.mkfifo(go)
    chosen = options or ("-k", "one")
    with started(pytester, f"--target=lab:{board}", *chosen, DWELLS="1") as run:
        try:
            await_inside(pytester, run)
            yield run
        finally:
            run.kill()


def await_inside(pytester, run: subprocess.Popen[str]) -> None:
    """Wait until a test of a run that dwells has its board."""
    while not (pytester.path / "inside").exists():
        assert run.poll() is None, run.communicate()
        time.sleep(0.05)


def cells(pytester, folder: str) -> list[dict]:
    return json.loads((pytester.path / folder / "report.json").read_text())["cells"]
