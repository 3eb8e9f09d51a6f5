"""Where a report comes from: the commit, the machine and the versions it was made with.

Each fact is looked up once, when a report is written, and is None when the machine cannot say.
Versions of peers are facts of their cells and belong to the peers.
"""

from __future__ import annotations

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path

_GIT_TIMEOUT_S = 10


def git_state(folder: Path) -> tuple[str | None, bool | None]:
    """Return the commit checked out in `folder` and whether files differ from it.

    Both are None when the folder is not in a git repository, or git is not installed; the
    commit alone is None before the first commit.
    """
    status = _git(folder, "status", "--porcelain")
    if status is None:
        return None, None
    commit = _git(folder, "rev-parse", "--verify", "--quiet", "HEAD")
    return (commit.strip() if commit else None), bool(status.strip())


def host() -> dict[str, str | int | None]:
    """Describe this machine: no figure of a board depends on it, but its speed explains waits."""
    return {
        "name": platform.node(),
        "system": platform.platform(),
        "machine": platform.machine(),
        "cpus": os.cpu_count(),
    }


def versions() -> dict[str, str]:
    """Return the versions of the programs that made the report."""
    found = {"python": platform.python_version()}
    for distribution in ("pytest-hil", "pytest"):
        try:
            found[distribution] = metadata.version(distribution)
        except metadata.PackageNotFoundError:  # run from a source tree that is not installed
            continue
    return found


def _git(folder: Path, *arguments: str) -> str | None:
    # GIT_OPTIONAL_LOCKS=0: a look must not take the index lock of somebody else's commit.
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0"}
    try:
        finished = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_GIT_TIMEOUT_S,
            check=False,
            env=environment,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return finished.stdout if finished.returncode == 0 else None
