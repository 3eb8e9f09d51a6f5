"""DTLS 1.2 by pre-shared keys on boards: what a handshake needs, and what idle sessions take.

The board of 64 KB has an image of its own for this (images/lm3s6965-dtls), which no target has:
there is no room in it for the jobs of the farm.
"""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from hil import build, image

PORTABLE = Path(__file__).parents[2] / "tls" / "tests" / "portable"
sys.path.insert(0, str(PORTABLE))
try:
    import dtls_one_end
finally:
    sys.path.pop(0)

SMALL_BOARD, SMALL_IMAGE = "qemu-lm3s6965", "lm3s6965-dtls"
SESSIONS = 4
# The goal is for boards; the process has words of twice the size.
IDLE_BYTES = {32: 1536, 64: 3072}
# With the module of the test, compiled from source on the board: that takes more than 1 KB.
HANDSHAKE_HEAP_BYTES = 11_264
# What a cipher's tables take beside that where AES is done by tables.
TABLES_BYTES = 2_048
# A stale word on the stack may keep an object or two, see test_leaks.py.
STALE_BYTES = 512
TIMEOUT_S = 120
# How many there are of sessions without end, in the short form: `--soak` says how many otherwise.
SHORT = 12


@pytest.fixture
def target(hil_target):
    chosen = hil_target.uncounted()
    if chosen.name == SMALL_BOARD:
        chosen = replace(chosen, image=SMALL_IMAGE)
    if "tlscore/dtls/established.py" not in build.modules_of(image.load(chosen.image)):
        pytest.skip(f"image {chosen.image} leaves DTLS out")
    return chosen


def test_both_ends_of_four_idle_sessions_take_little(target, dut_factory):
    board = dut_factory(target)
    board.install("dtls_checks", (PORTABLE / "dtls_checks.py").read_text())
    both, together, left = board.call("dtls_checks:job", SESSIONS, timeout_s=TIMEOUT_S)
    print(f"{target.name}: {both} bytes for both ends, {together} for all, {left} left")
    # Both ends of a session take no more than one may.
    assert 0 < both <= IDLE_BYTES[target.word_bits]
    # One of the sessions has its ciphers at hand.
    assert together <= (SESSIONS + 1) * IDLE_BYTES[target.word_bits]
    assert abs(left) <= STALE_BYTES


def test_sessions_without_end_leave_nothing(target, dut_factory, pytestconfig):
    if target.name not in ("unix", SMALL_BOARD):
        pytest.skip("other boards do the same over secure_sock, in test_soak.py")
    asked = pytestconfig.getoption("soak") or SHORT
    board = dut_factory(target)
    board.install("dtls_checks", (PORTABLE / "dtls_checks.py").read_text())
    timeout_s = TIMEOUT_S + asked
    sessions, messages, before, after = board.call(
        "dtls_checks:soak_job", asked, timeout_s=timeout_s
    )
    print(
        f"{target.name}: {sessions} sessions, {messages} messages, {before} before, {after} after"
    )
    assert sessions >= asked
    assert messages >= 10 * sessions
    assert after == before


def recorded():
    """Let both ends meet; return the datagrams of either, and what both export."""
    client, server = dtls_one_end.client(), dtls_one_end.server()
    buffer, heard = bytearray(2000), {"client": [], "server": []}
    quiet = False
    while not quiet:
        quiet = True
        while size := client.datagram_into(buffer):
            heard["server"].append(bytes(buffer[:size]))
            server.receive(b"peer", buffer, size)
            quiet = False
        while size := server.datagram_into(buffer)[0]:
            heard["client"].append(bytes(buffer[:size]))
            client.receive_datagram(buffer, size)
            quiet = False
    return heard, client.export(b"EXPORTER-hil", None, 16)


@pytest.mark.parametrize("role", ["client", "server"])
def test_a_handshake_needs_ten_kilobytes_of_heap(target, dut_factory, role):
    heard, exported = recorded()
    by_tables = "tables" in image.load(target.image).kernels
    heap_bytes = HANDSHAKE_HEAP_BYTES + (TABLES_BYTES if by_tables else 0)
    board = dut_factory(target, heap_bytes=heap_bytes if target.word_bits == 32 else None)
    board.install("dtls_one_end", (PORTABLE / "dtls_one_end.py").read_text())
    sent, ours = board.call("dtls_one_end:job", role, heard[role], timeout_s=TIMEOUT_S)
    assert (sent, ours) == (3, exported)
