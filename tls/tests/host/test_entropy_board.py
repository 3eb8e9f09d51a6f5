"""A board's generator: seeded by noise, by a file, or by both, and never without."""

import random

import pytest

from tlscore import entropy_board
from tlscore.entropy_board import BoardEntropy
from tlscore.entropy_health import MonitoredNoise
from tlscore.errors import UsageError


class SeedFile:
    """A seed file in memory; `order` records what happens to it."""

    def __init__(self, content=b""):
        self.content = content
        self.order = []

    def load(self):
        self.order.append("load")
        return self.content

    def store(self, content):
        self.order.append("store")
        self.content = content


def noise(seed=1):
    generator = random.Random(seed)
    return MonitoredNoise(lambda: generator.getrandbits(8), 1)


def drawn(source, count=32):
    buffer = bytearray(count)
    source.fill(buffer)
    return bytes(buffer)


def reason(*arguments, **named):
    with pytest.raises(UsageError) as refused:
        BoardEntropy(*arguments, **named)
    return refused.value.reason


class TestSeeding:
    def test_noise_alone_seeds_it(self):
        assert drawn(BoardEntropy(noise(1))) == drawn(BoardEntropy(noise(1)))
        assert drawn(BoardEntropy(noise(1))) != drawn(BoardEntropy(noise(2)))

    def test_a_seed_file_alone_seeds_it(self):
        file, same, other = SeedFile(bytes(32)), SeedFile(bytes(32)), SeedFile(bytes(31) + b"1")
        first, second, third = (
            drawn(BoardEntropy(load=each.load, store=each.store)) for each in (file, same, other)
        )
        assert first == second != third

    def test_both_are_mixed(self):
        def source(seed, content):
            file = SeedFile(content)
            return drawn(BoardEntropy(noise(seed), file.load, file.store))

        assert len({source(1, b"a" * 48), source(2, b"a" * 48), source(1, b"b" * 48)}) == 3

    def test_devices_differ_by_their_personalization(self):
        one, two = (BoardEntropy(noise(), personalization=name) for name in (b"1", b"2"))
        assert drawn(one) != drawn(two)

    @pytest.mark.parametrize("content", [None, b"", bytes(31)])
    def test_without_a_seed_there_is_no_generator(self, content):
        file = SeedFile(content)
        assert reason(load=file.load, store=file.store) == "entropy.unseeded"
        assert file.order == ["load"]
        assert reason() == "entropy.unseeded"

    def test_noise_makes_up_for_a_seed_file_that_is_still_empty(self):
        file = SeedFile()
        drawn(BoardEntropy(noise(), file.load, file.store))
        assert len(file.content) >= 32

    def test_a_source_that_fails_its_start_up_tests_seeds_nothing(self):
        with pytest.raises(UsageError):
            BoardEntropy(MonitoredNoise(lambda: 1, 1))


class TestSeedFile:
    def test_a_successor_is_stored_before_anything_is_drawn(self):
        file = SeedFile(bytes(48))
        BoardEntropy(load=file.load, store=file.store)
        assert file.order == ["load", "store"]
        assert file.content != bytes(48)
        assert len(file.content) == 48

    def test_every_start_draws_other_bytes(self):
        file = SeedFile(bytes(48))
        starts = [drawn(BoardEntropy(load=file.load, store=file.store)) for _ in range(4)]
        assert len(set(starts)) == 4
        assert all(start not in file.content for start in starts)

    def test_a_file_that_cannot_be_written_gives_no_generator(self):
        def store(_content):
            raise OSError("read-only")

        with pytest.raises(OSError, match="read-only"):
            BoardEntropy(load=lambda: bytes(48), store=store)

    def test_a_file_that_would_be_used_twice_is_refused(self):
        assert reason(noise(), load=lambda: bytes(48)) == "entropy.seed_file"
        assert reason(noise(), store=lambda _content: None) == "entropy.seed_file"


class TestReseeding:
    def test_it_is_seeded_again_from_noise_after_so_many_requests(self, monkeypatch):
        monkeypatch.setattr(entropy_board, "RESEED_REQUESTS", 3)
        asked = []

        class Noise:
            def seed(self):
                asked.append(True)
                return bytes(64)

        source = BoardEntropy(Noise())
        counts = []
        for _ in range(7):
            drawn(source)
            counts.append(len(asked))
        assert counts == [1, 1, 1, 2, 2, 2, 3]

    def test_it_refuses_for_good_once_its_noise_has_failed(self, monkeypatch):
        monkeypatch.setattr(entropy_board, "RESEED_REQUESTS", 1)
        generator = random.Random(1)
        stuck = []
        monitored = MonitoredNoise(lambda: stuck[0] if stuck else generator.getrandbits(8), 1)
        source = BoardEntropy(monitored)
        drawn(source)
        stuck.append(9)
        for _ in range(2):
            buffer = bytearray(8)
            with pytest.raises(UsageError) as refused:
                source.fill(buffer)
            assert refused.value.reason == "entropy.health_repetition"
            assert buffer == bytes(8)
