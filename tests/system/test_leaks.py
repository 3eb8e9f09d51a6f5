"""Connections opened, used and closed on the boards leave the heap as it was.

Client and server of the core talk to each other on one board. The process target makes a thousand
connections with pre-shared keys and some hundreds with certificates; the emulated boards, which
take seconds for a handshake, a few. CPython's share is tls/tests/host/test_leaks.py.
"""

from pathlib import Path

import pytest

from hil.tlsrig.pki import Plan, make_chain

CHECKS = Path(__file__).parents[2] / "tls" / "tests" / "portable" / "leak_checks.py"
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
    board = dut_factory(heap_bytes=heap_bytes)
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
    print(f"{count} connections on {hil_target.name}: {before} bytes before, {after} after")  # noqa: T201
    assert abs(after - before) <= STALE_BYTES
