"""Every image's data link: every byte arrives, both ways, whoever is slow."""

import ast
import hashlib
import random
import threading
import time
from pathlib import Path

import pytest

TAKE = """
import machine, select, hashlib
uart = machine.UART(1)
buffer = bytearray(1024)
poll = select.poll()
poll.register(uart, select.POLLIN)
def take(total):
    digest = hashlib.sha256()
    done = 0
    while done < total:
        if not poll.poll(20000):
            raise OSError('nothing for 20 s after %d bytes' % done)
        n = uart.readinto(buffer)
        digest.update(memoryview(buffer)[:n])
        done += n
    return done, digest.digest()
"""


def test_the_link_is_empty_at_first_and_does_not_block(board):
    board.run(TAKE)
    assert board.evaluate("uart.any(), uart.read(1), uart.readinto(buffer)") == (0, None, None)
    assert board.evaluate("poll.poll(20)") == []


def test_all_byte_values_pass_both_ways(board):
    every = bytes(range(256))
    board.run(TAKE)
    board.link.sendall(every)
    received = board.run(
        "got = b''\nwhile len(got) < 256:\n    poll.poll(1000)\n    got += uart.read(256) or b''\n"
        "print(repr(got))"
    )
    assert ast.literal_eval(received) == every
    board.run("assert uart.write(bytes(range(256))) == 256")
    back = b""
    while len(back) < 256:
        back += board.link.recv(256)
    assert back == every


def test_100_kilobytes_arrive_on_the_board_unchanged(board):
    payload = random.Random(1).randbytes(102400)
    board.run(TAKE)
    sender = threading.Thread(target=board.link.sendall, args=(payload,))
    sender.start()
    received = board.evaluate(f"take({len(payload)})")
    sender.join()
    assert received == (len(payload), hashlib.sha256(payload).digest())


def test_100_kilobytes_arrive_on_the_host_unchanged_even_if_it_reads_late(board):
    # b[j] = (block * 7 + j * j) mod 256, for 100 blocks of 1024 bytes.
    expected = b"".join(
        bytes((block * 7 + j * j) & 255 for j in range(1024)) for block in range(100)
    )
    board.run(TAKE)
    board.send(
        "for block in range(100):\n"
        "    for j in range(1024):\n"
        "        buffer[j] = (block * 7 + j * j) & 255\n"
        "    rest = memoryview(buffer)\n"
        "    while rest:\n"
        "        rest = rest[uart.write(rest) or 0:]\n"
        "print('sent')"
    )
    time.sleep(0.3)  # long enough for the socket to fill up and the board to be held up
    got = b""
    while len(got) < len(expected):
        got += board.link.recv(65536)
    assert got == expected
    assert board.answer() == ("sent\r\n", "")


def test_what_arrives_while_the_board_computes_is_not_lost(board):
    payload = random.Random(2).randbytes(20000)
    board.run(TAKE)
    sender = threading.Thread(target=board.link.sendall, args=(payload,))
    sender.start()
    board.run("for i in range(100000):\n    pass")
    assert board.evaluate(f"take({len(payload)})") == (
        len(payload),
        hashlib.sha256(payload).digest(),
    )
    sender.join()


@pytest.mark.parametrize("number", [0, 9, -1])
def test_only_the_link_is_offered_as_a_uart(board, number):
    board.send(f"import machine\nmachine.UART({number})")
    assert f"ValueError: UART({number}) does not exist" in board.answer()[1]


def test_waiting_costs_the_host_nothing(board):
    def used_ticks():
        fields = Path(f"/proc/{board.process.pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])

    before = used_ticks()
    board.run(TAKE + "poll.poll(1000)")
    assert used_ticks() - before < 50  # of about 100 in a second of spinning
