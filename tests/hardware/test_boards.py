"""What every board must be good for before a handshake on it means anything.

Written for boards on the desk (`tox -e hw`), true on every target: `pytest tests/hardware` runs it
on MicroPython's own process, `--target` on any other board.
"""

CALL_TIMEOUT_S = 30
CORE = ("tlscore", "tlscore.client", "tlscore.record", "tlscore.crypto.aead", "tlscore.x509.chain")


def test_the_core_on_the_board_is_the_firmwares_or_what_the_farm_installed(dut):
    assert set(dut.origins(*CORE).values()) <= {"rom", "frozen", "mpy"}


def test_every_byte_value_passes_the_link_both_ways(dut):
    data = bytes(range(256)) * 4
    dut.start("hil_agent:echo", len(data))
    dut.link.sendall(data)
    assert dut.link.receive_exactly(len(data), CALL_TIMEOUT_S) == data
    assert dut.wait(CALL_TIMEOUT_S) == len(data)


def test_a_second_boot_finds_the_board_as_the_first_did(dut_factory):
    heaps = []
    for _ in range(2):
        board = dut_factory()
        heaps.append(board.call("hil_agent:heap_bytes", timeout_s=CALL_TIMEOUT_S))
        board.close()
    assert heaps[0] == heaps[1] > 0
