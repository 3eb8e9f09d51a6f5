"""How long `gnutls-cli` tries a handshake: on networks that need longer than its own 40 to 60 s.

No option of it says so (3.7.9). The library has functions for it, and the program calls one with
"the default": `patience.c`, preloaded, gives them the number that was asked for instead. Program
and library are as they were installed, and nothing else of them is touched. It is compiled once
and kept in the cache by its content.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from hil import locks, paths
from hil.errors import BuildError, MissingTool

# What DTLS has by default (RFC 6347 has no number): a handshake that may take no longer needs none.
OWN_S = 60.0

_SOURCE = Path(__file__).with_suffix(".c")
_FLAGS = ("-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror")
_BUILD_TIMEOUT_S = 60


def environment(handshake_s: float | None) -> Mapping[str, str]:
    """Return the variables with which the program tries for so long.

    Args:
        handshake_s: how long a handshake may take; None: as long as the program does by itself.

    Raises:
        MissingTool: there is no compiler.
        BuildError: it could not be compiled.
    """
    if handshake_s is None or handshake_s == OWN_S:
        return {}
    before = os.environ.get("LD_PRELOAD")
    library = str(_library())
    return {
        "LD_PRELOAD": f"{library}:{before}" if before else library,
        "HIL_HANDSHAKE_MS": str(round(handshake_s * 1000)),
    }


def _library() -> Path:
    """Return the compiled file in the cache; compile it if need be."""
    seen = hashlib.sha256(_SOURCE.read_bytes() + " ".join(_FLAGS).encode()).hexdigest()
    made = paths.cache_dir() / "peers" / f"gnutls-patience-{seen[:16]}.so"
    if made.is_file():
        return made
    if shutil.which("cc") is None:
        raise MissingTool("cc", "apt-get install gcc")
    with locks.exclusive(made.with_suffix(".lock")):
        if not made.is_file():
            making = made.with_suffix(".part")
            command = ["cc", *_FLAGS, "-o", str(making), str(_SOURCE)]
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=_BUILD_TIMEOUT_S, check=False
            )
            if done.returncode != 0:
                raise BuildError(f"{_SOURCE.name} could not be compiled:\n{done.stderr.strip()}")
            making.replace(made)
    return made
