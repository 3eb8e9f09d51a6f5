"""Sessions of secure_sock without end, on boards: the heap is as before, no slot lost, none failed.

Here a short form of it. `tox -e soak` opens, uses, renews, resumes, abandons, evicts and closes a
thousand sessions of TLS and of DTLS, with ten thousand messages each, some from clients that change
their address (`--soak=1000`).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hil import build, image

CHECKS = Path(__file__).parents[2] / "tls" / "tests" / "portable" / "soak_checks.py"
NEEDED = {
    "tls": ("tlscore/sockets/tls_stack.py", "tlscore/server.py"),
    "dtls": ("tlscore/sockets/dtls_stack.py", "tlscore/dtls/listener.py"),
    "dtls13": ("tlscore/sockets/dtls_stack.py", "tlscore/dtls13/listener.py"),
}
BOARDS = ("unix", "qemu-cortexm", "qemu-lm3s6965")
# The board of 64 KB has an image of its own for this: there is no room in it for the farm's jobs.
SMALL_BOARD, SMALL_IMAGE = "qemu-lm3s6965", "lm3s6965-sockets"
# With the module of the test, which the board compiles from source.
HEAP_BYTES = {32: 65_536, 64: 1_048_576}
SMALL_HEAP_BYTES = 52_736  # what there is
# A connection of DTLS 1.3 keeps its buffers: both ends of two sessions, and what comes in a place.
MORE_HEAP_BYTES = {"dtls13": 32_768}
MESSAGES_EACH = 22  # so that there are ten for each session: some have none
SHORT = 70
SESSION_S = 4  # on an emulated board and a busy machine


@pytest.mark.parametrize("kind", NEEDED)
def test_sessions_without_end(
    hil_target: Any, dut_factory: Any, pytestconfig: pytest.Config, kind: str
) -> None:
    if hil_target.name not in BOARDS:
        pytest.skip(f"a claim about {', '.join(BOARDS)}")
    target, heap_bytes = hil_target.uncounted(), HEAP_BYTES[hil_target.word_bits]
    if target.name == SMALL_BOARD:
        target, heap_bytes = replace(target, image=SMALL_IMAGE), SMALL_HEAP_BYTES
    heap_bytes += MORE_HEAP_BYTES.get(kind, 0)
    recipe = image.load(target.image)
    if not set(NEEDED[kind]) <= build.modules_of(recipe).keys():
        pytest.skip(f"image {recipe.name} leaves {kind.upper()} of secure_sock out")
    asked = pytestconfig.getoption("soak")
    if kind == "dtls13" and target.name != "unix" and not asked:
        pytest.skip("in the short form boards meet DTLS 1.3 in test_dtls13.py")
    sessions = (asked or SHORT) if hil_target.name == "unix" else (asked or SHORT) // 10
    board = dut_factory(target, heap_bytes=heap_bytes)
    board.install("soak_checks", CHECKS.read_text())
    timeout_s = 60 + SESSION_S * (sessions + 30)
    found = board.call("soak_checks:job", kind, sessions, MESSAGES_EACH, timeout_s=timeout_s)
    print(f"{kind} on {hil_target.name}: {found}")
    assert found["failed"] == []
    assert found["whole"]
    assert found["sessions"] >= sessions
    assert found["messages"] >= 10 * sessions
    assert found["heap_after"] == found["heap_before"]
