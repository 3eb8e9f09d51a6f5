"""hil.sources: nothing but what the lock pins is built from, and nothing is fetched twice."""

import hashlib
import io
import os
import tarfile
from dataclasses import replace

import pytest

from hil import sources
from hil.errors import BuildError

ARCHIVE = "demo_1.0.orig.tar.xz"
LOCK = """
[demo]
package = "demo"
version = "1.0-1"
suite = "trixie"
archive = "demo_1.0.orig.tar.xz"
override = "DEMO_DIR"
known_by = "py/mpconfig.h"

[demo.sha256]
"demo_1.0.orig.tar.xz" = "{digest}"
"""


def archive_of(members: dict[str, bytes], links: tuple[tuple[str, str], ...] = ()) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:xz") as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
        for name, target in links:
            member = tarfile.TarInfo(name)
            member.type = tarfile.SYMTYPE
            member.linkname = target
            tar.addfile(member)
    return packed.getvalue()


GOOD = archive_of({"demo-1.0/py/mpconfig.h": b"#define X\n", "demo-1.0/README": b"hello\n"})


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache, and a machine that can fetch nothing."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("HIL_CACHE", str(folder))
    monkeypatch.delenv("DEMO_DIR", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "no-programs"))
    return folder


def demo(tmp_path, packed: bytes = GOOD) -> sources.Source:
    text = LOCK.format(digest=hashlib.sha256(packed).hexdigest())
    (tmp_path / sources.LOCK_FILE).write_text(text)
    return sources.load("demo", tmp_path)


def put(cache, packed: bytes) -> None:
    folder = cache / "sources" / "archives"
    folder.mkdir(parents=True)
    (folder / ARCHIVE).write_bytes(packed)


def test_an_archive_that_is_there_is_unpacked_without_fetching(cache, tmp_path):
    put(cache, GOOD)
    tree = sources.tree(demo(tmp_path), lambda _: None)
    assert (tree / "README").read_bytes() == b"hello\n"


def test_an_unpacked_source_needs_its_archive_no_more(cache, tmp_path):
    put(cache, GOOD)
    first = sources.tree(demo(tmp_path), lambda _: None)
    (cache / "sources" / "archives" / ARCHIVE).unlink()
    told = []
    assert sources.tree(demo(tmp_path), told.append) == first
    assert told == []


def test_a_file_with_another_hash_is_refused_and_both_hashes_are_told(cache, tmp_path):
    other = archive_of({"demo-1.0/README": b"something else\n"})
    put(cache, other)
    with pytest.raises(BuildError) as caught:
        sources.tree(demo(tmp_path), lambda _: None)
    message = str(caught.value)
    assert str(cache / "sources" / "archives" / ARCHIVE) in message
    assert f"expected SHA-256 {hashlib.sha256(GOOD).hexdigest()}" in message
    assert f"found    SHA-256 {hashlib.sha256(other).hexdigest()}" in message
    assert [path.name for path in (cache / "sources").iterdir() if path.is_dir()] == ["archives"]


def test_a_lock_changed_after_unpacking_is_noticed(cache, tmp_path):
    put(cache, GOOD)
    source = demo(tmp_path)
    sources.tree(source, lambda _: None)
    changed = replace(source, sha256={ARCHIVE: "0" * 64})
    with pytest.raises(BuildError, match="is not the file"):
        sources.tree(changed, lambda _: None)


@pytest.mark.parametrize(
    ("members", "links"),
    [
        ({"../outside": b""}, ()),
        ({"demo-1.0/../../outside": b""}, ()),
        ({"/outside": b""}, ()),
        ({"demo-1.0/README": b""}, (("demo-1.0/link", "/etc/passwd"),)),
    ],
)
def test_an_archive_that_reaches_outside_is_not_unpacked(cache, tmp_path, members, links):
    packed = archive_of(members, links)
    put(cache, packed)
    with pytest.raises(BuildError, match="refuses to unpack"):
        sources.tree(demo(tmp_path, packed), lambda _: None)
    assert not list(tmp_path.rglob("outside"))


def test_an_archive_with_two_top_folders_is_refused(cache, tmp_path):
    packed = archive_of({"demo-1.0/README": b"", "other/README": b""})
    put(cache, packed)
    with pytest.raises(BuildError, match="one top folder"):
        sources.tree(demo(tmp_path, packed), lambda _: None)


def test_without_apt_the_way_out_is_told(cache, tmp_path):
    with pytest.raises(BuildError, match=r"no apt-get .* set DEMO_DIR"):
        sources.tree(demo(tmp_path), lambda _: None)


def apt_that(tmp_path, monkeypatch, script: str) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "apt-get").write_text(f"#!/bin/sh\n{script}\n")
    (programs / "apt-get").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")


def test_an_apt_without_a_debian_archive_is_told(cache, tmp_path, monkeypatch):
    apt_that(tmp_path, monkeypatch, "echo http://example.invalid/ jammy universe")
    with pytest.raises(BuildError, match="names no Debian archive"):
        sources.tree(demo(tmp_path), lambda _: None)


def test_what_apt_complains_of_is_passed_on(cache, tmp_path, monkeypatch):
    listing = "echo http://example.invalid/debian/ trixie main"
    failure = "echo 'E: the cable is cut' >&2; exit 100"
    apt_that(tmp_path, monkeypatch, f'[ "$1" = indextargets ] && {{ {listing}; exit; }}\n{failure}')
    with pytest.raises(BuildError) as caught:
        sources.tree(demo(tmp_path), lambda _: None)
    assert "E: the cable is cut" in str(caught.value)
    assert "set DEMO_DIR" in str(caught.value)


def test_what_apt_brings_is_checked_before_it_is_kept(cache, tmp_path, monkeypatch):
    apt_that(
        tmp_path,
        monkeypatch,
        f"""case "$*" in
            indextargets*) echo http://example.invalid/debian/ trixie main;;
            *source*) echo forged > {ARCHIVE};;
        esac""",
    )
    with pytest.raises(BuildError, match="is not the file"):
        sources.tree(demo(tmp_path), lambda _: None)
    assert not (cache / "sources" / "archives").exists()


def test_apt_is_given_a_private_configuration_and_the_machines_mirror(cache, tmp_path, monkeypatch):
    seen = tmp_path / "seen"
    (tmp_path / "brought").write_bytes(GOOD)
    apt_that(
        tmp_path,
        monkeypatch,
        f"""case "$*" in
            indextargets*) echo http://mirror.invalid/debian/ bookworm contrib
                           echo http://mirror.invalid/debian/ stable main;;
            *update*) sed -n 's/^.*sourcelist "//p' "$3" | tr -d '";' | xargs cat > {seen};;
            *source*) cp {tmp_path}/brought {ARCHIVE};;
        esac""",
    )
    tree = sources.tree(demo(tmp_path), lambda _: None)
    assert (tree / "README").exists()
    line = seen.read_text().split()
    assert line[0] == "deb-src"
    assert line[1].startswith("[signed-by=/usr/share/keyrings/debian-archive-keyring.")
    assert line[2:] == ["http://mirror.invalid/debian/", "trixie", "main"]


def test_a_users_own_tree_is_taken_and_named(cache, tmp_path, monkeypatch):
    own = tmp_path / "own"
    (own / "py").mkdir(parents=True)
    (own / "py" / "mpconfig.h").write_text("")
    monkeypatch.setenv("DEMO_DIR", str(own))
    told = []
    assert sources.tree(demo(tmp_path), told.append) == own
    assert told == [f"using DEMO_DIR={own}"]


def test_an_own_tree_that_is_none_is_refused(cache, tmp_path, monkeypatch):
    monkeypatch.setenv("DEMO_DIR", str(tmp_path))
    with pytest.raises(BuildError, match=r"DEMO_DIR=.*: not a tree of demo"):
        sources.tree(demo(tmp_path), lambda _: None)


def test_identity_follows_the_lock_and_edits_of_an_own_tree(cache, tmp_path, monkeypatch):
    source = demo(tmp_path)
    pinned = sources.identity(source)
    assert pinned == sources.identity(source)
    assert sources.identity(replace(source, sha256={ARCHIVE: "0" * 64})) != pinned
    own = tmp_path / "own"
    (own / "py").mkdir(parents=True)
    (own / "py" / "mpconfig.h").write_text("")
    monkeypatch.setenv("DEMO_DIR", str(own))
    before = sources.identity(source)
    assert before != pinned
    os.utime(own / "py" / "mpconfig.h", ns=(1, 1))
    assert sources.identity(source) != before


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("[demo", "[other", "demo: there is no such source"),
        ('suite = "trixie"', "", "demo.suite: must be a string, not None"),
        ('archive = "demo_1.0.orig.tar.xz"', 'archive = "x"', "demo.sha256: must be a table"),
        ("{digest}", "abc", "must be 64 hex digits, not 'abc'"),
    ],
)
def test_a_wrong_lock_is_told_file_and_key(tmp_path, old, new, told):
    assert old in LOCK
    path = tmp_path / sources.LOCK_FILE
    path.write_text(LOCK.replace(old, new).replace("{digest}", "0" * 64))
    with pytest.raises(BuildError) as caught:
        sources.load("demo", tmp_path)
    assert told in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("name", ["micropython", "lwip"])
def test_the_shipped_lock_pins_every_file_of_a_package(name):
    source = sources.load(name)
    assert source.override == f"{name.upper()}_DIR"
    assert len(source.sha256) == 3
    assert any(name.endswith(".dsc") for name in source.sha256)
