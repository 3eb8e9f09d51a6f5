"""Run-times from npm whose TLS libraries are peers: installed into the cache by npm itself.

Which version is taken, and the hash of every file, say `package.json` and `package-lock.json` in
the run-time's folder beside the engines in JavaScript, for every kind of machine: `npm ci` refuses
whatever differs. The programs lie ready in the packages, so no script of a package is run. As with
engines in C, a folder is named after all it is made of, and takes its name when everything is in
place.
"""

from __future__ import annotations

import hashlib
import json
import platform
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hil import locks, paths, sources
from hil.errors import BuildError, MissingTool
from hil.peer import Program

SCRIPTS = paths.package_dir() / "tlsrig" / "engines" / "script"
_INSTALL_TIMEOUT_S = 900
_TAIL_LINES = 15
_FILES = ("package.json", "package-lock.json")


@dataclass(frozen=True)
class Runtime:
    """One run-time.

    Attributes:
        name: of the peer, and of its folder.
        packages: the package that holds the program, by machine (`platform.machine`).
        program: where the program lies in it.
    """

    name: str
    packages: Mapping[str, str]
    program: str

    @property
    def package(self) -> str:
        """The package for this machine.

        Raises:
            BuildError: there is none.
        """
        machine = platform.machine()
        if machine not in self.packages:
            able = ", ".join(sorted(self.packages))
            raise BuildError(f"{self.name} has no program for {machine}, only for {able}")
        return self.packages[machine]


def installed(runtime: Runtime, install: str) -> Program:
    """Return the program in the cache.

    Args:
        runtime: what is wanted.
        install: the command that installs it, for the error.

    Raises:
        MissingTool: it was not installed yet, or another version is wanted since, or there is none
            for this kind of machine.
    """
    if platform.machine() not in runtime.packages:
        what = f"the peer {runtime.name} (there is none for {platform.machine()})"
        raise MissingTool(what, install)
    path = _folder(runtime) / _program(runtime)
    if not path.is_file():
        raise MissingTool(f"the peer {runtime.name}", install)
    return Program(str(path), version(runtime))


def version(runtime: Runtime) -> str:
    """Return the version that is pinned."""
    manifest = json.loads((_given(runtime) / "package.json").read_text(encoding="utf-8"))
    return str(manifest["optionalDependencies"][runtime.package])


def ensure(runtime: Runtime, progress: sources.Progress = lambda _: None) -> Program:
    """Return the program; install it if need be.

    Args:
        runtime: what is wanted.
        progress: told of each step.

    Raises:
        MissingTool: there is no npm.
        BuildError: the registry cannot be reached, what it sent is not what is pinned, or there
            is no program for this kind of machine.
    """
    program, folder = _program(runtime), _folder(runtime)
    if not (folder / program).is_file():
        if shutil.which("npm") is None:
            raise MissingTool("npm", "apt-get install npm")
        with locks.exclusive(
            folder.with_suffix(".lock"), lambda: progress("waiting for an installation")
        ):
            if not (folder / program).is_file():
                progress(f"installing {runtime.name} {version(runtime)} from npm")
                _install(runtime, program, folder)
    return Program(str(folder / program), version(runtime))


def _install(runtime: Runtime, program: Path, folder: Path) -> None:
    making = folder.with_suffix(".part")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(parents=True)
    try:
        _ask_for(runtime, making)
        _npm(runtime, making)
        if not (making / program).is_file():
            raise BuildError(f"npm installed {runtime.name} {version(runtime)} without {program}")
        shutil.rmtree(folder, ignore_errors=True)
        making.replace(folder)
    finally:
        shutil.rmtree(making, ignore_errors=True)


def _ask_for(runtime: Runtime, folder: Path) -> None:
    """Write down for npm the one package that is for this machine.

    Of packages that are optional, as they are where all machines' are listed, npm leaves out
    without a word what is not as pinned.
    """
    wanted = {"dependencies": {runtime.package: version(runtime)}}
    lock = json.loads((_given(runtime) / "package-lock.json").read_text(encoding="utf-8"))
    path = f"node_modules/{runtime.package}"
    pinned = {key: value for key, value in lock["packages"][path].items() if key != "optional"}
    lock["packages"] = {"": wanted, path: pinned}
    for name, content in zip(_FILES, ({"private": True, **wanted}, lock), strict=True):
        (folder / name).write_text(json.dumps(content), encoding="utf-8")


def _npm(runtime: Runtime, folder: Path) -> None:
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=_INSTALL_TIMEOUT_S,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        raise BuildError(
            f"npm did not install {runtime.name} within {_INSTALL_TIMEOUT_S} s: is there a network?"
        ) from None
    if done.returncode != 0:
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-_TAIL_LINES:])
        raise BuildError(
            f"npm could not install {runtime.name} {version(runtime)}; nothing of it was kept:\n"
            f"{tail}\n{_advice(tail)}"
        )


def _advice(said: str) -> str:
    if "EINTEGRITY" in said:
        return (
            "What came is not what package-lock.json pins. Try again after `npm cache clean "
            "--force`; if it is the same, find out who changed it before you go on."
        )
    return "Go online, look at `npm config list`, and try again."


def _given(runtime: Runtime) -> Path:
    return SCRIPTS / runtime.name


def _program(runtime: Runtime) -> Path:
    return Path("node_modules") / runtime.package / runtime.program


def _folder(runtime: Runtime) -> Path:
    seen = hashlib.sha256()
    for name in _FILES:
        seen.update((_given(runtime) / name).read_bytes())
    return paths.cache_dir() / "peers" / f"{runtime.name}-{seen.hexdigest()[:16]}"
