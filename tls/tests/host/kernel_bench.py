"""Runs the kernels of `tlscore.crypto.thumb` on CPython, for the tests of them.

The modules a board compiles are replaced by ones whose functions run on an emulated Cortex-M3; the
Python around them, and everything that uses it, is what boards run.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from pathlib import Path

import pytest

from tlscore.crypto import selftest

TOOLS = Path(__file__).parents[2] / "tools"
sys.path.insert(0, str(TOOLS))
try:
    import make_kernels
    from thumb import (
        assembler,
        chacha20_poly1305,
        copying,
        curve25519,
        division_steps,
        encoding,
        gcm,
        host,
        montgomery,
        p256,
        p256_programs,
        p384,
        p384_programs,
        sha256,
        sha512,
    )
finally:
    sys.path.remove(str(TOOLS))

__all__ = (
    "KERNELS", "assembler", "curve25519", "division_steps", "encoding", "host", "machine",
    "make_kernels", "p256", "p256_programs", "p384_programs", "replaced_backends", "sha256",
)  # fmt: skip

# Generated module -> what makes it.
KERNELS = {
    "aes_gcm_machine": gcm, "chacha20_poly1305_machine": chacha20_poly1305, "copy_machine": copying,
    "ladder": curve25519, "montgomery_machine": montgomery, "p256_machine": p256,
    "p384_machine": p384,
    "sha256_machine": sha256, "sha512_machine": sha512,
}  # fmt: skip
_PACKAGE = "tlscore.crypto.thumb."


def machine(module: str) -> host.Machine:
    """Return an emulated core with a kernel."""
    return host.Machine(KERNELS[module].kernel().assemble())


def replaced_backends(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, host.Machine]]:
    """Make the core choose the kernels; give the machines they run on, and clean up."""
    machines = {}
    for name, kernel in KERNELS.items():
        module = types.ModuleType(_PACKAGE + name)
        machines[name] = core = machine(name)
        setattr(module, kernel.NAME, core.call)
        monkeypatch.setitem(sys.modules, module.__name__, module)
    sys.modules[_PACKAGE + "ladder"].TABLE = make_kernels.edwards25519.table()
    sys.modules[_PACKAGE + "p256_machine"].TABLE = make_kernels.p256_table()
    sys.modules[_PACKAGE + "p384_machine"].TABLE = make_kernels.p384_table()
    monkeypatch.setattr(selftest, "micropython", selftest)
    before = set(sys.modules)
    yield machines
    for name in set(sys.modules) - before:
        if name.startswith(_PACKAGE):
            del sys.modules[name]
            delattr(sys.modules[_PACKAGE[:-1]], name.removeprefix(_PACKAGE))
