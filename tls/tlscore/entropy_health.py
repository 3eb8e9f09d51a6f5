"""Raw noise of a board, tested for as long as it is sampled, and made into seeds (SP 800-90B).

A board's noise source (the low bits of an ADC, a free-running oscillator, jitter of a clock) is a
function that returns one sample, an integer. How good it is somebody has measured and states as
`samples_per_bit`: how many samples hold one bit of min-entropy at least. The tests of SP 800-90B
§4.4 find out when the source is no longer what was measured:

    repetition count     the same sample too often in a row: the source is stuck
    adaptive proportion  one sample too often among 512 (1024 if samples are single bits)

Cut-offs are chosen so that a source as good as stated fails a test once in 2^20 tries. Both run on
1024 samples at start-up (§4.3), which are thrown away, and on every sample after that. A failure
is final: the object refuses from then on, and the board needs somebody to look at it.

`seed` conditions samples by SHA-256, one of the vetted functions of §3.1.5.1.1: 32 bytes out of
64 bits more min-entropy than they have (SP 800-90C), which makes them full-entropy.
Out of scope: estimating the min-entropy of a source (SP 800-90B §6, on a PC, from many samples).
"""

from tlscore.compat import const
from tlscore.crypto.hashes import SHA256
from tlscore.errors import UsageError

_STARTUP_SAMPLES = const(1024)

# samples per bit; cut-offs of the adaptive proportion test in a window of 512 and of 1024:
# 1 + CRITBINOM(window, 2^-H, 1 - 2^-20), §4.4.2, H being 1 / samples per bit
_PROPORTION_CUTOFFS = const(
    ((1, 311, 589), (2, 410, 793), (4, 468, 915), (8, 497, 979), (16, 509, 1009))
)

# The repetition count test's is 1 + ceil(20 / H), §4.4.1.
_REPETITIONS_PER_BIT = const(20)

_BLOCK_BITS = const(320)


class MonitoredNoise:
    """A noise source under test.

    Args:
        sample: function that takes one raw sample, 0 to 255, waiting for it if need be.
        samples_per_bit: 1, 2, 4, 8 or 16; a source better than one bit a sample states 1.
        is_binary: samples are single bits, 0 or 1.

    Raises:
        UsageError: `entropy.samples_per_bit` for another number; a failure of the start-up tests,
            `entropy.health_repetition` or `entropy.health_proportion`.
    """

    def __init__(self, sample, samples_per_bit: int, is_binary: bool = False):
        self._sample = sample
        self._samples_per_bit = samples_per_bit
        self._window = 1024 if is_binary else 512
        self._proportion_max = 0
        for row in _PROPORTION_CUTOFFS:
            if row[0] == samples_per_bit:
                self._proportion_max = row[2 if is_binary else 1] - 1
        if not self._proportion_max:
            raise UsageError("entropy.samples_per_bit")
        self._repetitions_max = _REPETITIONS_PER_BIT * samples_per_bit
        self._failure = None
        self._last = -1
        self._repetitions = 0
        self._first = -1  # the sample that is counted in this window
        self._seen = 0  # samples of the window so far
        self._equal = 0
        for _ in range(_STARTUP_SAMPLES):
            self.sample()

    def sample(self) -> int:
        """Return the next raw sample, tested.

        Raises:
            UsageError: `entropy.health_repetition`, `entropy.health_proportion`, now and ever
                after; `entropy.sample` when the source returned no sample.
        """
        if self._failure is not None:
            raise UsageError(self._failure)
        sample = self._sample()
        if not isinstance(sample, int) or not 0 <= sample <= 255:
            self._fail("entropy.sample")
        if sample != self._last:
            self._last = sample
            self._repetitions = 0
        self._repetitions += 1
        if self._repetitions > self._repetitions_max:
            self._fail("entropy.health_repetition")
        if not self._seen:
            self._first = sample
            self._equal = 0
        if sample == self._first:
            self._equal += 1
            if self._equal > self._proportion_max:
                self._fail("entropy.health_proportion")
        self._seen += 1
        if self._seen == self._window:
            self._seen = 0
        return sample

    def seed(self, blocks: int = 2) -> bytes:
        """Return `blocks` times 32 bytes of full entropy, for HmacDrbg: entropy input and nonce.

        Raises:
            UsageError: as `sample` does.
        """
        seed = b""
        sample = bytearray(1)
        for _ in range(blocks):
            conditioner = SHA256.new()
            for _ in range(_BLOCK_BITS * self._samples_per_bit):
                sample[0] = self.sample()
                conditioner.update(sample)
            seed += conditioner.digest()
        return seed

    def _fail(self, reason):
        self._failure = reason
        raise UsageError(reason)
