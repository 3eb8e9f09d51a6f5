"""Health tests of a noise source: their cut-offs, what they notice, and what becomes of samples."""

import decimal
import hashlib
import math
import random

import pytest

from tlscore import entropy_health
from tlscore.entropy_health import MonitoredNoise
from tlscore.errors import UsageError

STARTUP = 1024


class Source:
    """A noise source that says how often it was asked, and can be made to fail."""

    def __init__(self, bits=8, seed=1):
        self._random = random.Random(seed)
        self.bits = bits
        self.samples = []
        self.stuck = False

    def __call__(self):
        self.samples.append(self.samples[-1] if self.stuck else self._random.getrandbits(self.bits))
        return self.samples[-1]


def feed(samples):
    """Return a source of given samples."""
    return iter(samples).__next__


def reason(function, *arguments):
    with pytest.raises(UsageError) as refused:
        function(*arguments)
    return refused.value.reason


def critical_binomial(window, samples_per_bit):
    """Return the smallest k with P(X <= k) >= 1 - 2^-20 for X ~ B(window, 2^-1/samples_per_bit)."""
    with decimal.localcontext() as context:
        context.prec = 80
        p = decimal.Decimal(2) ** (decimal.Decimal(-1) / samples_per_bit)
        above = decimal.Decimal(0)
        for k in range(window, -1, -1):
            above += math.comb(window, k) * p**k * (1 - p) ** (window - k)
            if above > decimal.Decimal(2) ** -20:
                return k
    raise AssertionError("no such k")


class TestCutoffs:
    @pytest.mark.parametrize("row", entropy_health._PROPORTION_CUTOFFS)
    def test_they_are_those_of_the_formula(self, row):
        samples_per_bit, window_512, window_1024 = row
        assert window_512 == 1 + critical_binomial(512, samples_per_bit)
        assert window_1024 == 1 + critical_binomial(1024, samples_per_bit)

    @pytest.mark.parametrize("samples_per_bit", [0, 3, 32, None])
    def test_another_min_entropy_is_refused(self, samples_per_bit):
        assert reason(MonitoredNoise, Source(), samples_per_bit) == "entropy.samples_per_bit"


class TestStartUp:
    def test_1024_samples_are_tested_and_thrown_away(self):
        source = Source()
        noise = MonitoredNoise(source, 1)
        assert len(source.samples) == STARTUP
        assert noise.sample() == source.samples[STARTUP]

    def test_a_dead_source_is_refused_at_once(self):
        assert reason(MonitoredNoise, lambda: 7, 1) == "entropy.health_repetition"

    @pytest.mark.parametrize("sample", [None, -1, 256, 0.5, b"\x01"])
    def test_what_is_no_sample_is_refused(self, sample):
        assert reason(MonitoredNoise, lambda: sample, 1) == "entropy.sample"

    @pytest.mark.parametrize(("bits", "samples_per_bit"), [(8, 1), (4, 1), (1, 1), (1, 2), (1, 16)])
    def test_a_source_as_good_as_stated_passes(self, bits, samples_per_bit):
        noise = MonitoredNoise(Source(bits), samples_per_bit, is_binary=bits == 1)
        for _ in range(20000):
            noise.sample()


class TestContinuous:
    @pytest.mark.parametrize("samples_per_bit", [1, 2, 4, 8, 16])
    def test_a_source_that_gets_stuck_is_noticed_at_the_cutoff(self, samples_per_bit):
        source = Source()
        noise = MonitoredNoise(source, samples_per_bit)
        source.stuck = True
        # The last good sample is the first of the run; the cut-off is 1 + 20 / H (§4.4.1).
        for _ in range(20 * samples_per_bit - 1):
            noise.sample()
        assert reason(noise.sample) == "entropy.health_repetition"

    @pytest.mark.parametrize(
        ("is_binary", "window", "cutoff"), [(False, 512, 311), (True, 1024, 589)]
    )
    def test_a_source_that_prefers_one_sample_is_noticed_at_the_cutoff(
        self, is_binary, window, cutoff
    ):
        source = Source(1 if is_binary else 8)
        good = [source() for _ in range(STARTUP)]
        # Mostly ones, never long in a row: each window begins with a one.
        biased = ([1] * 9 + [0]) * (window // 10)
        noise = MonitoredNoise(feed(good + biased), 1, is_binary)
        # The sample that makes one too many of the first one in the window.
        allowed = next(n for n in range(window) if sum(biased[: n + 1]) == cutoff)
        for _ in range(allowed):
            noise.sample()
        assert reason(noise.sample) == "entropy.health_proportion"

    def test_a_failure_is_final_and_the_source_is_not_asked_again(self):
        source = Source()
        noise = MonitoredNoise(source, 1)
        source.stuck = True
        assert reason(noise.seed) == "entropy.health_repetition"
        source.stuck = False
        asked = len(source.samples)
        assert reason(noise.sample) == "entropy.health_repetition"
        assert reason(noise.seed) == "entropy.health_repetition"
        assert len(source.samples) == asked


class TestSeed:
    @pytest.mark.parametrize("samples_per_bit", [1, 8])
    def test_a_block_is_the_hash_of_64_bits_more_min_entropy_than_it_has(self, samples_per_bit):
        source = Source()
        noise = MonitoredNoise(source, samples_per_bit)
        seed = noise.seed()
        samples = bytes(source.samples[STARTUP:])
        count = (256 + 64) * samples_per_bit
        assert len(samples) == 2 * count
        blocks = [samples[:count], samples[count:]]
        assert seed == b"".join(hashlib.sha256(block).digest() for block in blocks)
