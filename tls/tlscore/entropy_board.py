"""Randomness of a board: a generator seeded from tested noise, a seed file, or both.

`BoardEntropy` is a source as entropy.py describes it. It seeds HmacDrbg once when it is made and
again every so many requests, if there is noise to seed it from. It refuses to exist without a seed,
and to go on once its noise has failed a health test.

A seed file carries randomness over a restart, for boards whose noise is slow, or that have none
and were given 32 random bytes or more when they were made. What is read from it must never be used
twice: a successor is written back before the first byte goes out, and if that fails nothing does.
Such a file must not be copied with the rest of a board's flash, or two boards have the same keys;
with noise beside it that would be mended.
"""

from tlscore.compat import const
from tlscore.entropy import SEED_BYTES_MIN, HmacDrbg
from tlscore.errors import UsageError

_SEED_FILE_BYTES = const(48)

# Requests between seeds from noise: an intruder who read the memory of the board knows no more
# than this many requests to come. A connection makes about four.
RESEED_REQUESTS = 1024


class BoardEntropy:
    """A generator that seeds itself.

    Args:
        noise: object with `seed()`, which returns 32 bytes of entropy or more; say
            `entropy_health.MonitoredNoise`. None: the seed file is all there is.
        load: function that returns what the seed file holds, b"" or None if nothing yet.
        store: function that replaces it, and raises unless that is certain.
        personalization: what tells this device from others, say its serial number.

    Raises:
        UsageError: `entropy.unseeded` when neither gives a seed, `entropy.seed_file` when only one
            of `load` and `store` is given; a failed health test.
    """

    def __init__(self, noise=None, load=None, store=None, personalization=b""):
        if (load is None) != (store is None):
            raise UsageError("entropy.seed_file")
        self._noise = noise
        self._requests = 0
        seed = noise.seed() if noise is not None else b""
        if load is not None:
            seed += load() or b""
        if len(seed) < SEED_BYTES_MIN:
            raise UsageError("entropy.unseeded")
        self._generator = HmacDrbg(seed, personalization=personalization)
        if store is not None:
            successor = bytearray(_SEED_FILE_BYTES)
            self._generator.fill(successor)
            store(bytes(successor))

    def fill(self, buffer) -> None:
        """Overwrite `buffer` with random bytes.

        Raises:
            UsageError: the noise failed a health test; `entropy.reseed_required` after 2**24
                requests without noise to seed from.
        """
        if self._noise is not None:
            if self._requests == RESEED_REQUESTS:
                self._generator.reseed(self._noise.seed())
                self._requests = 0
            self._requests += 1
        self._generator.fill(buffer)
