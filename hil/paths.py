"""Where the farm's own files and its cache are, in a checkout and in an installed wheel.

In a checkout the data folders stand beside the package (`targets/`, `images/`, `tls/`); in a
wheel the same folders are shipped as `hil/data/`, and `tlscore` is an ordinary package.
"""

from __future__ import annotations

import os
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def checkout() -> Path | None:
    """Return the root of the source checkout `hil` runs from, or None when it is installed."""
    root = _PACKAGE.parent
    if (root / "pyproject.toml").is_file() and (root / "targets").is_dir():
        return root
    return None


def targets_dir() -> Path:
    """Return the folder of target files shipped with the farm."""
    return _data("targets")


def images_dir() -> Path:
    """Return the folder of firmware image recipes."""
    return _data("images")


def tlscore_parent() -> Path:
    """Return the folder that holds the `tlscore` package, to be frozen into images."""
    root = checkout()
    return root / "tls" if root else _PACKAGE.parent


def package_dir() -> Path:
    """Return the folder of the `hil` package itself."""
    return _PACKAGE


def cache_dir() -> Path:
    """Return the folder for fetched sources and built firmware; it may not exist yet.

    `HIL_CACHE` wins over `XDG_CACHE_HOME`, which wins over `~/.cache`.
    """
    override = os.environ.get("HIL_CACHE")
    if override:
        return Path(override).expanduser().resolve()
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser().resolve() / "pytest-hil"


def _data(name: str) -> Path:
    root = checkout()
    return root / name if root else _PACKAGE / "data" / name
