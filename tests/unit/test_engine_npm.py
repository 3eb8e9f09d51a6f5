"""Run-times from npm as peers: what is pinned, what is kept, and what is said when npm fails."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import stat
from pathlib import Path

import pytest

from hil.errors import BuildError, MissingTool
from hil.tlsrig import engine_npm, peers, peers_command
from hil.tlsrig.engine_npm import Runtime

RUNTIME = Runtime("bun", {platform.machine(): "@oven/bun-linux-x64"}, "bin/bun")
PROGRAM = "node_modules/@oven/bun-linux-x64/bin/bun"
MAKES_IT = f"mkdir -p {Path(PROGRAM).parent} && touch {PROGRAM} && pwd >> ../npm.calls"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty cache of peers."""
    monkeypatch.setenv("HIL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "peers"


def install_npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Let `npm` be a shell script."""
    folder = tmp_path / "bin"
    folder.mkdir(exist_ok=True)
    program = folder / "npm"
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def left(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.iterdir() if path.suffix != ".lock")


@pytest.mark.parametrize("name", ["bun", "deno"])
def test_every_package_is_pinned_by_version_and_hash(name: str) -> None:
    folder = engine_npm.SCRIPTS / name
    wanted = json.loads((folder / "package.json").read_text("utf-8"))["optionalDependencies"]
    text = (folder / "package-lock.json").read_text("utf-8")
    packages = json.loads(text)["packages"]
    assert packages.pop("") == {"optionalDependencies": wanted}
    assert {path.removeprefix("node_modules/") for path in packages} == set(wanted)
    for path, package in packages.items():
        assert package["version"] == wanted[path.removeprefix("node_modules/")]
        assert re.fullmatch(r"sha512-[A-Za-z0-9+/]{86}==", package["integrity"])
    assert "://" not in text  # whatever registry npm is set up for is asked


@pytest.mark.parametrize("name", ["bun", "deno"])
def test_every_machine_of_a_runtime_has_its_package(name: str) -> None:
    runtime: Runtime = peers.load(name)._RUNTIME  # type: ignore[attr-defined]
    manifest = json.loads((engine_npm.SCRIPTS / name / "package.json").read_text("utf-8"))
    assert set(runtime.packages.values()) == set(manifest["optionalDependencies"])


def test_what_npm_installed_is_kept_and_not_installed_again(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_npm(tmp_path, monkeypatch, MAKES_IT)
    with pytest.raises(MissingTool, match="hil peers --install bun"):
        engine_npm.installed(RUNTIME, "hil peers --install bun")
    steps: list[str] = []
    first = engine_npm.ensure(RUNTIME, steps.append)
    assert first == engine_npm.ensure(RUNTIME) == engine_npm.installed(RUNTIME, "")
    assert steps == [f"installing bun {first.version} from npm"]
    assert Path(first.path).is_file()
    assert len((cache / "npm.calls").read_text().splitlines()) == 1
    # npm was asked for the package of this machine alone, which it then cannot leave out.
    folder = Path(first.path.removesuffix(PROGRAM))
    asked = json.loads((folder / "package.json").read_text("utf-8"))
    locked = json.loads((folder / "package-lock.json").read_text("utf-8"))["packages"]
    assert asked["dependencies"] == {"@oven/bun-linux-x64": first.version}
    assert set(locked) == {"", "node_modules/@oven/bun-linux-x64"}
    assert "optional" not in locked["node_modules/@oven/bun-linux-x64"]


@pytest.mark.parametrize(
    ("script", "message"),
    [
        (f"{MAKES_IT}; echo 'npm error code EINTEGRITY' >&2; exit 1", "(?s)EINTEGRITY.*pins"),
        ("echo 'npm error code ENOTFOUND' >&2; exit 1", "(?s)ENOTFOUND.*Go online"),
        ("exit 0", "without node_modules/@oven/bun-linux-x64/bin/bun"),
    ],
    ids=["wrong hash", "no network", "no program"],
)
def test_an_installation_that_fails_leaves_nothing(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, message: str
) -> None:
    install_npm(tmp_path, monkeypatch, script)
    with pytest.raises(BuildError, match=message):
        engine_npm.ensure(RUNTIME)
    assert [name for name in left(cache) if name != "npm.calls"] == []
    with pytest.raises(MissingTool):
        engine_npm.installed(RUNTIME, "hil peers --install bun")


@pytest.mark.usefixtures("cache")
def test_without_npm_its_command_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert peers_command.install({"bun": peers.load("bun")}, -1) == 1
    assert capsys.readouterr().out == "bun  needs npm: apt-get install npm\n"


def test_another_version_is_another_folder(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_npm(tmp_path, monkeypatch, MAKES_IT)
    engine_npm.ensure(RUNTIME)
    shutil.copytree(engine_npm.SCRIPTS, tmp_path / "script")
    lock = tmp_path / "script" / "bun" / "package-lock.json"
    lock.write_text(lock.read_text("utf-8").replace("sha512-", "sha512-A"), encoding="utf-8")
    monkeypatch.setattr(engine_npm, "SCRIPTS", tmp_path / "script")
    with pytest.raises(MissingTool):
        engine_npm.installed(RUNTIME, "hil peers --install bun")
    assert len(left(cache)) == 2  # the first one, and the calls


def test_a_machine_without_a_program_is_named(
    monkeypatch: pytest.MonkeyPatch, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "pdp11")
    with pytest.raises(MissingTool, match=r"the peer bun \(there is none for pdp11\)"):
        peers.load("bun").program()
    assert peers_command.install({"bun": peers.load("bun")}, -1) == 1
    said = capsys.readouterr().out
    assert said == "bun  not installed: bun has no program for pdp11, only for aarch64, x86_64\n"
    assert not cache.exists()
