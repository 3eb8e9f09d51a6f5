"""Where a report comes from: git, the machine, the versions."""

from __future__ import annotations

import subprocess

import pytest

from hil import provenance


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """Make a git repository without a commit and return (folder, git)."""
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "nobody")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "nobody@example.org")

    def git(*arguments):
        done = subprocess.run(
            ["git", "-C", tmp_path, *arguments], check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    git("init", "--quiet")
    return tmp_path, git


def test_a_commit_is_named_and_a_changed_file_makes_it_dirty(repository):
    folder, git = repository
    (folder / "file").write_text("one")
    git("add", "file")
    git("commit", "--quiet", "-m", "first")
    assert provenance.git_state(folder) == (git("rev-parse", "HEAD"), False)
    (folder / "file").write_text("two")
    assert provenance.git_state(folder)[1] is True


def test_a_repository_without_a_commit_has_none(repository):
    assert provenance.git_state(repository[0]) == (None, False)


def test_a_machine_without_git_has_no_commit(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert provenance.git_state(tmp_path) == (None, None)


def test_the_versions_name_the_farm_itself():
    assert {"python", "pytest", "pytest-hil"} <= set(provenance.versions())
