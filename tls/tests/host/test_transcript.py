"""The hash of the handshake so far, wanted at several moments."""

import hashlib

import pytest

from tlscore.crypto.hashes import SHA256, SHA384, Hash
from tlscore.transcript import Transcript, message_hash


class Counting:
    """A hash row that counts its running objects and what they are fed."""

    def __init__(self, row):
        self.objects = 0
        self.updates = 0
        counting = self

        class Running:
            def __init__(self, data=b""):
                self.inner = row.new(data)
                counting.objects += 1

            def update(self, data):
                counting.updates += 1
                self.inner.update(data)

            def digest(self):
                return self.inner.digest()

        self.row = Hash(row.name, row.size, row.block, Running, row.reusable)


@pytest.mark.parametrize("row", [SHA256, SHA384], ids=["sha256", "sha384"])
def test_every_digest_is_of_all_that_came_before(row):
    transcript = Transcript(row, 4)
    said = b""
    for piece in (b"ClientHello", b"ServerHello", b"Certificate"):
        transcript.update(piece)
        said += piece
        assert transcript.digest() == hashlib.new(row.name, said).digest()
    transcript.drop()


def test_a_hash_that_goes_on_after_its_digest_runs_once():
    counting = Counting(SHA384)
    transcript = Transcript(counting.row, 6)
    for _ in range(3):
        transcript.update(b"message")
        transcript.digest()
    transcript.drop()
    assert (counting.objects, counting.updates) == (1, 3)


def test_one_that_does_not_runs_as_often_as_digests_are_wanted():
    counting = Counting(SHA256)
    transcript = Transcript(counting.row, 3)
    transcript.update(b"message")
    transcript.digest()
    transcript.update(b"message")
    assert (counting.objects, counting.updates) == (3, 3 + 2)


@pytest.mark.parametrize("row", [SHA256, SHA384], ids=["sha256", "sha384"])
def test_message_hash_stands_for_the_first_client_hello(row):
    digest = hashlib.new(row.name, b"hello").digest()
    assert message_hash(row, b"hello") == bytes((254, 0, 0, row.size)) + digest
