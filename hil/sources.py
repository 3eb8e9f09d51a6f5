"""Upstream sources: fetched by apt from the machine's own Debian archive, pinned by SHA-256.

`images/sources.lock.toml` names Debian source packages. Fetching one takes three steps, each of
which can stop the build: apt downloads it with a private configuration (own `sources.list`, lists
and cache, the machine's mirror, proxy and archive keyring), so the archive's signature is checked
and the machine's own apt state is never touched; every file must then have the SHA-256 the lock
states; and the upstream tarball is unpacked into the farm's cache, where it is never written to
again. Once that is done no network is needed.

A tree the user already has is taken as it is when the source's `override` variable names it
(`MICROPYTHON_DIR=…`). Distribution patches are not applied.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hil import image, locks, paths
from hil.errors import BuildError

LOCK_FILE = "sources.lock.toml"
Progress = Callable[[str], None]

# Packages of Debian's main archive, whatever name for a release the machine's administrator chose.
_GENERIC_SUITES = ("stable", "oldstable", "testing", "unstable", "sid")
# The key ring file was renamed in Debian 13; either one holds the keys of both releases.
_KEYRINGS = (
    Path("/usr/share/keyrings/debian-archive-keyring.pgp"),
    Path("/usr/share/keyrings/debian-archive-keyring.gpg"),
)


class SourceUnavailable(BuildError):
    """A source is neither in the cache nor to be had from the archive."""


@dataclass(frozen=True)
class Source:
    """One pinned upstream source.

    Attributes:
        name: how images refer to it.
        package, version, suite: the Debian source package.
        archive: the file of the package that holds upstream's tree.
        override: environment variable with which a user names a tree of their own.
        known_by: a file that every such tree has.
        sha256: file name -> hash, for every file of the package.
    """

    name: str
    package: str
    version: str
    suite: str
    archive: str
    override: str
    known_by: str
    sha256: Mapping[str, str]


def load(name: str, directory: Path | None = None) -> Source:
    """Read one entry of the lock file; `directory` is the folder of images."""
    path = (directory or paths.images_dir()) / LOCK_FILE
    entry = image.read_toml(path).get(name)
    if not isinstance(entry, dict):
        raise BuildError(f"{path}: {name}: there is no such source")
    texts = {}
    for key in ("package", "version", "suite", "archive", "override", "known_by"):
        if not isinstance(entry.get(key), str):
            raise BuildError(f"{path}: {name}.{key}: must be a string, not {entry.get(key)!r}")
        texts[key] = str(entry[key])
    hashes = entry.get("sha256")
    if not isinstance(hashes, dict) or texts["archive"] not in hashes:
        raise BuildError(f"{path}: {name}.sha256: must be a table with at least the archive")
    for file, digest in hashes.items():
        if not re.fullmatch(r"[0-9a-f]{64}", str(digest)):
            raise BuildError(f"{path}: {name}.sha256.{file}: must be 64 hex digits, not {digest!r}")
    return Source(name=name, sha256=dict(hashes), **texts)


def identity(source: Source) -> str:
    """Return what stands for the source's content in a firmware's identity, without fetching it.

    For the pinned package that is its hash. For a user's own tree it is a hash over the path, size
    and time of change of every file, so that an edit there leads to a new build.
    """
    own = _own_tree(source)
    if own is None:
        return f"{source.package} {source.version} {source.sha256[source.archive]}"
    seen = hashlib.sha256(str(own).encode())
    for folder, folders, files in os.walk(own):
        folders[:] = sorted(f for f in folders if not f.startswith((".", "build", "__pycache__")))
        for file in sorted(files):
            status = os.lstat(os.path.join(folder, file))
            seen.update(f"{folder}/{file} {status.st_size} {status.st_mtime_ns}\n".encode())
    return f"{source.override} {seen.hexdigest()}"


def tree(source: Source, progress: Progress) -> Path:
    """Return the folder of the unpacked source; fetch, verify and unpack it if need be.

    Raises:
        SourceUnavailable: it cannot be fetched.
        BuildError: a file does not have the hash of the lock.
    """
    own = _own_tree(source)
    if own is not None:
        progress(f"using {source.override}={own}")
        return own
    base = paths.cache_dir() / "sources"
    unpacked = base / f"{source.package}-{source.version}-{source.sha256[source.archive][:12]}"
    if unpacked.is_dir():
        return unpacked
    with locks.exclusive(base / f"{source.package}.lock", lambda: progress("waiting for a fetch")):
        if not unpacked.is_dir():
            archives = base / "archives"
            if not all((archives / name).is_file() for name in source.sha256):
                progress(f"fetching {source.package} {source.version} (Debian {source.suite})")
                _fetch(source, archives)
            verify(source, archives)
            progress(f"unpacking {source.archive}")
            _unpack(archives / source.archive, unpacked)
    return unpacked


def verify(source: Source, folder: Path) -> None:
    """Compare every file of the source with the lock.

    Raises:
        BuildError: names the first file that differs, the expected and the found hash.
    """
    for name, expected in source.sha256.items():
        path = folder / name
        if not path.is_file():
            raise BuildError(
                f"{path} is missing: {source.package} {source.version} has no such file"
            )
        found = hashlib.sha256(path.read_bytes()).hexdigest()
        if found != expected:
            raise BuildError(
                f"{path} is not the file {LOCK_FILE} pins\n"
                f"  expected SHA-256 {expected}\n"
                f"  found    SHA-256 {found}\n"
                "Nothing was built. Delete the file to fetch it again; if it comes back the same, "
                "either the lock or the archive was changed: find out which before you go on."
            )


def _own_tree(source: Source) -> Path | None:
    value = os.environ.get(source.override)
    if not value:
        return None
    own = Path(value).expanduser().resolve()
    if not (own / source.known_by).is_file():
        raise BuildError(
            f"{source.override}={value}: not a tree of {source.package} (no {source.known_by})"
        )
    return own


def _fetch(source: Source, archives: Path) -> None:
    """Download and verify the package in a private place, then move its files into `archives`."""
    problems = []
    for uri in _archive_uris(source):
        with _private_apt(source, uri) as (configuration, download):
            problem = _apt_get(configuration, download, "update")
            if problem is None:
                wanted = f"{source.package}={source.version}"
                problem = _apt_get(configuration, download, "source", "--download-only", wanted)
            if problem is None:
                verify(source, download)
                archives.mkdir(parents=True, exist_ok=True)
                for name in source.sha256:
                    shutil.copyfile(download / name, archives / f"{name}.part")
                    (archives / f"{name}.part").replace(archives / name)
                return
            problems.append(problem)
    raise SourceUnavailable(
        f"apt could not fetch the source package {source.package} {source.version} "
        f"(suite {source.suite}):\n" + "\n".join(problems) + "\n"
        f"Go online and try again, or set {source.override} to a source tree you have."
    )


def _archive_uris(source: Source) -> list[str]:
    """Return where this machine gets Debian's main archive from, by its own apt configuration.

    apt itself lists it, so both forms of `sources.list` and every option in them are understood.
    """
    if shutil.which("apt-get") is None:
        raise BuildError(
            f"this machine has no apt-get to fetch {source.package} {source.version} with; "
            f"set {source.override} to a source tree you have"
        )
    listing = subprocess.run(
        ["apt-get", "indextargets", "--no-release-info", "--format",
         "$(REPO_URI) $(RELEASE) $(COMPONENT)"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    suites = (*_GENERIC_SUITES, source.suite, _codename())
    uris: list[str] = []
    for line in listing.stdout.splitlines():
        fields = line.split()
        if len(fields) == 3 and fields[1] in suites and fields[2] == "main":
            uris.append(fields[0])
    if not uris:
        raise BuildError(
            "this machine's apt configuration names no Debian archive (component main of "
            f"{', '.join(suites)}) to fetch {source.package} from; add one, or set "
            f"{source.override} to a source tree you have\n{listing.stderr}".rstrip()
        )
    return list(dict.fromkeys(uris))


def _codename() -> str:
    """Return the machine's Debian release name, or "" on something else."""
    try:
        release = Path("/etc/os-release").read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    found = re.search(r'^VERSION_CODENAME="?([a-z-]+)"?$', release, re.MULTILINE)
    return found.group(1) if found else ""


@contextmanager
def _private_apt(source: Source, uri: str) -> Iterator[tuple[Path, Path]]:
    """Set up an apt that shares nothing with the machine's but mirror, proxy and keys.

    As root, apt downloads as the user `_apt`, who must be able to reach and write the download
    folder: so all of it is under the temporary directory and not under somebody's home.

    Yields:
        the configuration file, and the empty folder to download into.
    """
    keyring = next((path for path in _KEYRINGS if path.exists()), None)
    if keyring is None:
        raise BuildError("no Debian archive keyring; apt-get install debian-archive-keyring")
    with tempfile.TemporaryDirectory(prefix="hil-apt-") as name:
        private = Path(name)
        private.chmod(0o755)
        for folder in ("lists/partial", "cache/archives/partial", "parts", "download"):
            (private / folder).mkdir(parents=True)
        (private / "sources.list").write_text(
            f"deb-src [signed-by={keyring}] {uri} {source.suite} main\n", encoding="utf-8"
        )
        configuration = private / "apt.conf"
        configuration.write_text(
            f'Dir::Etc::sourcelist "{private}/sources.list";\n'
            f'Dir::Etc::sourceparts "{private}/parts";\n'
            f'Dir::Etc::preferencesparts "{private}/parts";\n'
            f'Dir::State::lists "{private}/lists";\n'
            f'Dir::Cache "{private}/cache";\n'
            "#clear APT::Update::Post-Invoke;\n"
            "#clear APT::Update::Post-Invoke-Success;\n",
            encoding="utf-8",
        )
        if os.geteuid() == 0:
            _hand_over_to_sandbox_user(private / "download")
        yield configuration, private / "download"


def _hand_over_to_sandbox_user(folder: Path) -> None:
    try:
        shutil.chown(folder, user="_apt")
    except LookupError:
        return  # apt without a sandbox user downloads as root, which can write there anyway


def _apt_get(configuration: Path, folder: Path, *arguments: str) -> str | None:
    """Run apt-get; return None, or what it complained of.

    apt calls a download that failed a mere warning (`W:`) when old lists could be used instead.
    There are no old lists here, so with warnings on stderr the next step has to show it.
    """
    done = subprocess.run(
        ["apt-get", "-qq", "-c", str(configuration), *arguments],
        cwd=folder, capture_output=True, text=True, check=False,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )  # fmt: skip
    if done.returncode == 0 and "E: " not in done.stderr:
        return None
    return "\n".join(f"  {line}" for line in done.stderr.splitlines()[-12:]) or "  apt-get failed"


def _unpack(archive: Path, target: Path) -> None:
    """Unpack `archive`, whose single top folder becomes `target`, all or nothing.

    Only plain files and folders that stay inside are accepted: upstream's tree has nothing else,
    and the checks do not depend on how new Python's own extraction filters are.
    """
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".unpacking-") as name:
        with tarfile.open(archive) as tar:
            members = tar.getmembers()
            for member in members:
                parts = Path(member.name).parts
                inside = parts and not member.name.startswith("/") and ".." not in parts
                if not inside or not (member.isreg() or member.isdir()):
                    raise BuildError(
                        f"{archive}: refuses to unpack {member.name!r}: not a plain file"
                    )
            tops = {Path(member.name).parts[0] for member in members}
            if len(tops) != 1:
                raise BuildError(f"{archive}: expected one top folder, found {sorted(tops)}")
            tar.extraction_filter = getattr(tarfile, "data_filter", None)
            tar.extractall(name)  # noqa: S202 -- every member was checked above
        Path(name, tops.pop()).rename(target)
