"""Firmware images: built from recipe, upstream source and frozen modules; cached by content.

Theory of operation. Everything that goes into an image is read once, into memory: the recipe
folder, the folders it shares, and the modules to freeze. A hash over these bytes, the identity of
the upstream source and the compiler's version names the firmware. If a firmware of that name is in
the cache, that is it. Otherwise, under a lock per image, the bytes are written to a work folder
(only files that differ, so `make` rebuilds only what they touch), `make` runs there, and the result
is moved into the cache in one step. What is built is therefore exactly what was hashed, even when
somebody edits a file meanwhile.

Below the cache folder (`hil.paths.cache_dir`) are

    sources/              upstream trees, see hil.sources
    work/IMAGE/           recipe/ frozen/ build/ make.log: the incremental workshop
    firmware/IMAGE/HASH/  the firmware and firmware.json

This module does not know what is in an image: each recipe's Makefile is given the same variables
(see images/README.md).
"""

from __future__ import annotations

import fnmatch
import hashlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, replace
from pathlib import Path

from hil import link_map, locks, paths, sources
from hil.errors import BuildError, MissingTool
from hil.image import NO_MICROPYTHON, RECIPE_FILE, Firmware, Image, available, by_default, load
from hil.link_map import Component
from hil.workshop import Workshop, micropython_version, mpy_cross

__all__ = [
    "available",
    "by_default",
    "bytecode_compiler",
    "ensure",
    "frozen_modules",
    "missing_packages",
    "modules_of",
]

Progress = Callable[[str], None]

_FACTS_FILE = "firmware.json"
_MICROPYTHON = "micropython"
_HOST_COMPILER = "gcc"  # mpy-cross runs on this machine whatever the image is for
_KEEP_NEWEST = 8

# Endings of tlscore's files for a PC: its commands, and what only those use.
_NOT_FOR_BOARDS = ("__main__.py", "command_line.py", "_command.py", "_options.py", "_files.py")
# Kinds of back ends that modules are written for, two of them machine code: packages below
# tlscore/crypto/.
KERNELS = ("thumb", "viper", "tables")
# An image that has these gets the jobs that speak DTLS as well.
_FOR_DATAGRAMS = {"tlscore/dtls/connection.py", "tls_jobs.py"}
# And of those only an image that has this gets the jobs of DTLS 1.3.
_FOR_DTLS13, _JOBS_OF_DTLS13 = "tlscore/dtls13/connection.py", "dtls13_jobs.py"
_KEEP_S = 7 * 24 * 3600


def ensure(image: str, progress: Progress | None = None) -> Firmware:
    """Return the firmware of an image, building it first if nothing equal was built before.

    Args:
        image: name of the image, one of `available()`.
        progress: called with one line of text at each step, and about once a second while
            compiling. None: silence.

    Raises:
        MissingTool: a program of the toolchain is not installed.
        BuildError: anything else; a failed compilation ends with the tail of its output.
    """
    recipe = load(image)
    _require_tools([recipe])
    source = sources.load(recipe.source)
    libraries = [sources.load(name) for name in recipe.libraries]
    compiler = _version_line(recipe.compiler) + _identity_of_archives(recipe)
    recipe_files = _recipe_files(recipe)
    frozen = {name: path.read_bytes() for name, path in modules_of(recipe).items()}
    upstream = "\n".join(map(sources.identity, (source, *libraries)))
    key = _content_hash(upstream, compiler, recipe_files, frozen)
    published = paths.cache_dir() / "firmware" / image / key
    firmware = _published(published)
    if firmware is not None:
        return firmware

    def say(text: str) -> None:
        if progress is not None:
            progress(f"{image}: {text}")

    workshops = paths.cache_dir() / "work"
    workshop = Workshop(recipe, workshops / image, say)
    lock = workshop.folder.with_suffix(".lock")
    with locks.exclusive(lock, lambda: say("waiting for another build of it")):
        firmware = _published(published)
        if firmware is None:
            tree = sources.tree(source, say)
            others = {library.name: sources.tree(library, say) for library in libraries}
            started = time.monotonic()
            origin = " ".join([str(tree), *map(str, others.values()), compiler])
            workshop.prepare(origin, recipe_files, frozen)
            if recipe.bare:
                product = workshop.make_bare({recipe.source: tree, **others})
                version = NO_MICROPYTHON
            else:
                cross = mpy_cross(tree, _version_line(_HOST_COMPILER), workshops, say)
                product = workshop.make(tree, others, cross)
                version = micropython_version(tree)
            firmware = _publish(recipe, product, version, published)
            say(f"built in {time.monotonic() - started:.1f} s")
        _prune(published.parent)
    return firmware


def bytecode_compiler(progress: Progress | None = None) -> Path:
    """Return mpy-cross of the pinned MicroPython, built if need be.

    Raises:
        MissingTool, BuildError: it cannot be built.
    """
    if shutil.which(_HOST_COMPILER) is None:
        raise MissingTool(_HOST_COMPILER, f"apt-get install {_HOST_COMPILER} make libc6-dev")

    def say(text: str) -> None:
        if progress is not None:
            progress(f"mpy-cross: {text}")

    tree = sources.tree(sources.load(_MICROPYTHON), say)
    return mpy_cross(tree, _version_line(_HOST_COMPILER), paths.cache_dir() / "work", say)


def frozen_modules(kernels: Iterable[str] = ()) -> dict[str, Path]:
    """Return what is frozen into every image: path below the frozen root -> file.

    Args:
        kernels: kinds of back ends the board runs: of `KERNELS`, those modules too.

    Decided by listing folders, so that a new module needs no entry anywhere, except tlscore's few
    for a PC, which are left out by the endings of their names. The vector checks belong to the
    tests and exist in a checkout only.
    """
    tlscore = paths.tlscore_parent() / "tlscore"
    modules = {
        f"tlscore/{path.relative_to(tlscore)}": path
        for path in sorted(tlscore.rglob("*.py"))
        if not path.name.endswith(_NOT_FOR_BOARDS) and not _is_of_sockets(path)
    }
    foreign = tuple(f"tlscore/crypto/{kind}/" for kind in KERNELS if kind not in kernels)
    modules = {name: path for name, path in modules.items() if not name.startswith(foreign)}
    package = paths.package_dir()
    portable = paths.tlscore_parent() / "tests" / "portable"
    top_level = [
        *sorted((package / "ontarget").glob("*.py")),
        *sorted((package / "tlsrig" / "ontarget").glob("*.py")),
        *portable.glob("vector_checks.py"),
    ]
    for path in top_level:
        if path.name in modules:
            raise BuildError(f"{path} and {modules[path.name]} would be frozen under one name")
        if path.name != "__init__.py":
            modules[path.name] = path
    return modules


def native_modules() -> dict[str, Path]:
    """Return the jobs for firmware that has TLS of its own, by the path they are frozen under."""
    folder = paths.package_dir() / "tlsrig" / "ontarget" / "native"
    return {path.name: path for path in sorted(folder.glob("*.py"))}


def socket_modules() -> dict[str, Path]:
    """Return what an image has beside `frozen_modules` if its recipe says `sockets = true`."""
    tlscore = paths.tlscore_parent() / "tlscore"
    found = (path for path in sorted(tlscore.rglob("*.py")) if _is_of_sockets(path))
    return {f"tlscore/{path.relative_to(tlscore)}": path for path in found}


def _is_of_sockets(path: Path) -> bool:
    return path.parent.name == "sockets" or path.name == "aio.py"


def datagram_modules() -> dict[str, Path]:
    """Return the jobs that speak DTLS, by the path they are frozen under."""
    folder = paths.package_dir() / "tlsrig" / "ontarget" / "datagrams"
    return {path.name: path for path in sorted(folder.glob("*.py"))}


def modules_of(recipe: Image) -> dict[str, Path]:
    """Return the modules of one image: all but those its recipe leaves out, none in a bare one."""
    if recipe.bare:
        return {}
    named = recipe.folder / RECIPE_FILE
    for kind in recipe.kernels:
        if kind not in KERNELS:
            raise BuildError(f"{named}: kernels: there are {', '.join(KERNELS)} and no {kind!r}")
    modules = frozen_modules(recipe.kernels)
    modules |= socket_modules() if recipe.sockets else {}
    modules |= native_modules() if recipe.native_tls else {}
    names = {path: path.removesuffix(".py").removesuffix("/__init__") for path in modules}
    names = {path: name.replace("/", ".") for path, name in names.items()}
    for pattern in recipe.leave_out:
        if not fnmatch.filter(names.values(), pattern):
            raise BuildError(f"{named}: leave_out: there is no module {pattern!r}")
    kept = {
        path: file
        for path, file in modules.items()
        if not any(fnmatch.fnmatchcase(names[path], pattern) for pattern in recipe.leave_out)
    }
    if kept.keys() >= _FOR_DATAGRAMS:
        kept |= datagram_modules()
    if _FOR_DTLS13 not in kept:
        kept.pop(_JOBS_OF_DTLS13, None)
    return kept


def missing_packages(images: Iterable[str] | None = None) -> list[str]:
    """Return the Debian packages to install before the images (all by default) can be built."""
    recipes = [load(name) for name in (available() if images is None else images)]
    return sorted({package for _, package in _missing(recipes)})


def _missing(recipes: Iterable[Image]) -> list[tuple[str, str]]:
    return [
        (needed, package)
        for recipe in recipes
        for needed, package in recipe.requires.items()
        if not (Path(needed).exists() if needed.startswith("/") else shutil.which(needed))
    ]


def _require_tools(recipes: Iterable[Image]) -> None:
    missing = _missing(recipes)
    if missing:
        packages = " ".join(sorted({package for _, package in missing}))
        sudo = "" if os.geteuid() == 0 else "sudo "
        raise MissingTool(
            ", ".join(needed for needed, _ in missing), f"{sudo}apt-get install {packages}"
        )


def _version_line(compiler: str) -> str:
    done = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=False)
    if done.returncode != 0 or not done.stdout:
        raise BuildError(f"{compiler} --version failed: {done.stderr.strip()}")
    return done.stdout.splitlines()[0]


def _identity_of_archives(recipe: Image) -> str:
    """Return the hashes of this machine's static libraries that go into an image."""
    said = []
    for name in recipe.archives:
        asked = [recipe.compiler, f"-print-file-name={name}"]
        done = subprocess.run(asked, capture_output=True, text=True, check=False)
        path = Path(done.stdout.strip())
        if not path.is_absolute() or not path.is_file():
            file = recipe.folder / RECIPE_FILE
            raise BuildError(f"{file}: archives: {recipe.compiler} knows no {name} on this machine")
        said.append(f" {name} {hashlib.sha256(path.read_bytes()).hexdigest()}")
    return "".join(said)


def _recipe_files(recipe: Image) -> dict[str, bytes]:
    """Read the recipe folder and what it shares; documentation is not part of a firmware."""
    files = {}
    for folder in (recipe.folder, *(recipe.folder.parent / name for name in recipe.shares)):
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.suffix not in (".md", ".pyc"):
                files[str(path.relative_to(recipe.folder.parent))] = path.read_bytes()
    return files


def _content_hash(
    source: str, compiler: str, recipe_files: Mapping[str, bytes], frozen: Mapping[str, bytes]
) -> str:
    total = hashlib.sha256(f"{source}\n{compiler}\n".encode())
    for kind, files in (("recipe", recipe_files), ("frozen", frozen)):
        for name, content in sorted(files.items()):
            total.update(f"{kind} {name} {hashlib.sha256(content).hexdigest()}\n".encode())
    return total.hexdigest()[:20]


def _published(folder: Path) -> Firmware | None:
    """Return the firmware published in `folder`, or None if it is not there or damaged."""
    try:
        facts = json.loads((folder / _FACTS_FILE).read_text(encoding="utf-8"))
        facts["path"] = folder / facts["path"]
        facts["components"] = tuple(Component(**row) for row in facts["components"])
        firmware = Firmware(**facts)
        found = hashlib.sha256(firmware.path.read_bytes()).hexdigest()
        os.utime(folder)
    except (FileNotFoundError, json.JSONDecodeError, TypeError, KeyError):
        return None
    return firmware if found == firmware.sha256 else None


def _publish(recipe: Image, product: Path, micropython: str, folder: Path) -> Firmware:
    """Move a finished build into the cache in one step."""
    symbols = _exported_symbols(recipe, product)
    firmware = Firmware(
        image=recipe.name,
        path=Path(product.name),
        sha256=hashlib.sha256(product.read_bytes()).hexdigest(),
        micropython=micropython,
        symbols=symbols,
        flash_bytes=symbols.get("hil_flash_bytes"),
        ram_static_bytes=symbols.get("hil_ram_static_bytes"),
        components=link_map.components(product, product.parent),
    )
    new = folder.with_name(f".new-{folder.name}")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    shutil.copy2(product, new / product.name)
    facts = json.dumps({**asdict(firmware), "path": product.name}, indent=2)
    (new / _FACTS_FILE).write_text(facts, encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)  # only ever a damaged one: the lock is held
    new.rename(folder)
    return replace(firmware, path=folder / product.name)


def _exported_symbols(recipe: Image, product: Path) -> dict[str, int]:
    if recipe.nm is None:
        return {}
    listing = subprocess.run([recipe.nm, str(product)], capture_output=True, text=True, check=True)
    symbols = {}
    for line in listing.stdout.splitlines():
        address, _, rest = line.partition(" ")
        name = rest.partition(" ")[2]
        if address and name.startswith(recipe.exports):
            # nm writes a MIPS address of 32 bits as the 64 bits it is extended to.
            symbols[name] = int(address, 16) & 0xFFFFFFFF
    return symbols


def _prune(folder: Path) -> None:
    """Forget firmware nobody used for a week, except the newest few."""
    entries = [(entry.stat().st_mtime, entry) for entry in folder.iterdir() if entry.is_dir()]
    for used, entry in sorted(entries, reverse=True)[_KEEP_NEWEST:]:
        if time.time() - used > _KEEP_S:
            shutil.rmtree(entry, ignore_errors=True)
