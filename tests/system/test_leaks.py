"""Connections opened, used and closed on the boards leave the heap as it was.

Client and server of the core talk to each other on one board. The process target makes a thousand
connections with pre-shared keys and some hundreds with certificates; the emulated boards, which
take seconds for a handshake, a few. CPython's share is tls/tests/host/test_leaks.py.

Connections of TLS 1.3 and 1.2 in turns, full and resumed, are made on the process and one emulated
board: 50 of them, or as many as `--connections` says (`tox -e leaks`: a thousand).
"""

from pathlib import Path

import pytest

from hil import build, image
from hil.tlsrig.pki import Plan, make_chain

PORTABLE = Path(__file__).parents[2] / "tls" / "tests" / "portable"
CHECKS = PORTABLE / "leak_checks.py"
MIXED_CHECKS = PORTABLE / "mixed_leak_checks.py"
NOW = 1_768_478_400
HEAP_BYTES = {32: 131_072, 64: 524_288}
TIMEOUT_S = 240
# MicroPython's collector is conservative: a stale word on the stack may keep an object or two. A
# thousand connections that leak one block each leave 32 KB, one connection that is kept 5 KB.
STALE_BYTES = 1024
# Conversation -> connections on a process, on an emulated board.
CONNECTIONS = {"keys": (1000, 5), "converse": (150, 2), "resume": (150, 2), "refuse": (150, 2)}


@pytest.mark.parametrize("conversation", CONNECTIONS)
def test_connections_leave_the_heap_as_it_was(hil_target, dut_factory, conversation):
    heap_bytes = HEAP_BYTES[hil_target.word_bits]
    if hil_target.ram_bytes is not None and hil_target.ram_bytes <= heap_bytes:
        pytest.skip(f"{hil_target.name} has no room for a heap of {heap_bytes} bytes")
    board = dut_factory(hil_target.uncounted(), heap_bytes=heap_bytes)
    board.install("leak_checks", CHECKS.read_text())
    count = CONNECTIONS[conversation][hil_target.name != "unix"]
    plan = Plan(leaf_key="p256")
    chain = make_chain(NOW, plan)
    before, after = board.call(
        "leak_checks:job",
        count,
        conversation,
        chain.anchors,
        chain.sent,
        chain.private_key,
        plan.server_names[0],
        NOW,
        timeout_s=TIMEOUT_S,
    )
    print(f"{count} connections on {hil_target.name}: {before} bytes before, {after} after")
    assert abs(after - before) <= STALE_BYTES


# What takes turns makes as many connections on every board: these two are enough.
BOARDS_OF_BOTH = ("unix", "qemu-cortexm")
FULL_EACH = 10
TLS_1_2, TLS_1_3 = 0x0303, 0x0304
# A full handshake of both sides takes the emulated board up to ten seconds on a busy machine.
CONNECTION_S = 4


def test_connections_of_both_versions_leave_the_heap_as_it_was(
    hil_target, dut_factory, pytestconfig
):
    if hil_target.name not in BOARDS_OF_BOTH:
        pytest.skip(f"a claim about {', '.join(BOARDS_OF_BOTH)}")
    modules = build.modules_of(image.load(hil_target.image))
    if "tlscore/tls12/client.py" not in modules:
        pytest.skip(f"image {hil_target.image} leaves TLS 1.2 out")
    count = pytestconfig.getoption("connections")
    board = dut_factory(hil_target.uncounted(), heap_bytes=HEAP_BYTES[hil_target.word_bits])
    board.install("leak_checks", CHECKS.read_text())
    board.install("mixed_leak_checks", MIXED_CHECKS.read_text())
    plan = Plan(leaf_key="p256")
    chain = make_chain(NOW, plan)
    before, after, counts = board.call(
        "mixed_leak_checks:job",
        count,
        FULL_EACH,
        chain.anchors,
        chain.sent,
        chain.private_key,
        plan.server_names[0],
        NOW,
        timeout_s=TIMEOUT_S + CONNECTION_S * count,
    )
    made = {(version, resumed): number for version, resumed, number in counts}
    print(f"{hil_target.name}: {before} bytes before, {after} after {made}")
    assert made.keys() == {(v, resumed) for v in (TLS_1_2, TLS_1_3) for resumed in (False, True)}
    assert sum(made.values()) == count
    assert abs(after - before) <= STALE_BYTES
