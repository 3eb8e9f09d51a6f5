"""What the caller gives the core, on CPython and on boards: trust, time and randomness.

Plain asserts and no fixtures: pytest runs this on CPython; a board is sent the file and runs `job`.
Edge cases of each are in tls/tests/host; this is that they work where they are meant for.
"""

from binascii import unhexlify

from tlscore.clock_floor import FloorClock, UncheckedClock
from tlscore.entropy import HmacDrbg
from tlscore.entropy_board import BoardEntropy
from tlscore.entropy_health import MonitoredNoise
from tlscore.errors import UsageError
from tlscore.trust import PinnedKeys, TrustAnchors
from tlscore.trust_store import TrustStore, encode

LATER_THAN_2106 = (1 << 32) + 5


class File:
    """A file of bytes; a board's own file systems are not in every image."""

    def __init__(self, content):
        self._content = content
        self._place = 0

    def seek(self, place):
        self._place = place

    def read(self, count):
        data = self._content[self._place : self._place + count]
        self._place += len(data)
        return data

    def readinto(self, buffer):
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


class Xorshift:
    """A stand-in for noise: 32-bit xorshift (Marsaglia, "Xorshift RNGs", 2003)."""

    def __init__(self, state):
        self._state = state
        self.stuck = False

    def sample(self):
        if not self.stuck:
            state = self._state
            state ^= state << 13 & 0xFFFFFFFF
            state ^= state >> 17
            state ^= state << 5 & 0xFFFFFFFF
            self._state = state
        return self._state >> 8 & 0xFF


def refusal(function, *arguments):
    """Return the reason with which a call is refused."""
    try:
        function(*arguments)
    except UsageError as error:
        return error.reason
    raise AssertionError("not refused")


def rows(count):
    return [
        (bytes((number * 7 % 256,)) * 32, (1, bytes(65) + bytes((number,))))
        for number in range(count)
    ]


def test_a_trust_store_finds_every_anchor_in_flash_and_in_a_file():
    data = encode(rows(40))
    for source in (data, memoryview(data), File(data)):
        store = TrustStore(source)
        assert store.count == 40
        for name_hash, key in rows(40):
            assert store.anchors(name_hash) == [key]
        assert store.anchors(b"\x01" * 32) == []


def test_a_damaged_trust_store_is_refused():
    data = encode(rows(3))
    for source in (data, File(data)):
        TrustStore(source)
    for damaged, reason in (
        (data[:-1], "trust_store.truncated"),
        (data[:60] + b"?" + data[61:], "trust_store.corrupt"),
        (data + b"?", "trust_store.corrupt"),
        (b"?" + data[1:], "trust_store.not_a_store"),
        (data[:9] + b"?" + data[10:], "trust_store.version"),
    ):
        assert refusal(TrustStore, damaged) == reason
        assert refusal(TrustStore, File(damaged)) == reason


def test_pins_and_anchors_refuse_to_be_empty():
    assert refusal(TrustAnchors, []) == "trust.empty"
    assert refusal(PinnedKeys, []) == "trust.empty"
    assert refusal(PinnedKeys, [bytes(31)]) == "trust.malformed_pin"


def test_a_floor_of_time_rises_beyond_2106_and_survives():
    kept = []
    clock = FloorClock(1_768_478_400, store=kept.append)
    clock.learn(LATER_THAN_2106)
    clock.learn(1)
    assert clock.utc_seconds() == LATER_THAN_2106
    stored = kept[0].to_bytes(8, "big")
    clock = FloorClock(1_768_478_400, load=lambda: int.from_bytes(stored, "big"))
    assert clock.utc_seconds() == LATER_THAN_2106
    assert refusal(UncheckedClock().utc_seconds) == "clock.off"


def test_noise_is_monitored_and_conditioned():
    source = Xorshift(1)
    noise = MonitoredNoise(source.sample, 1)
    # SHA-256 of the 320 samples after the first 1024, and of the next 320.
    assert noise.seed() == unhexlify(SEED)
    source.stuck = True
    assert refusal(noise.seed) == "entropy.health_repetition"
    source.stuck = False
    assert refusal(noise.sample) == "entropy.health_repetition"
    assert refusal(MonitoredNoise, lambda: 1, 1) == "entropy.health_repetition"


def test_a_generator_is_seeded_or_is_not():
    assert refusal(BoardEntropy) == "entropy.unseeded"
    kept = [bytes(48)]
    outputs = []
    for _ in range(3):
        buffer = bytearray(40)
        BoardEntropy(load=lambda: kept[-1], store=kept.append).fill(buffer)
        outputs.append(bytes(buffer))
    assert len(set(outputs)) == 3
    assert len(set(kept)) == 4
    noisy = BoardEntropy(MonitoredNoise(Xorshift(2).sample, 1))
    noisy.fill(buffer)
    assert bytes(buffer) not in outputs


def test_the_generator_gives_the_published_bytes():
    # NIST CAVP HMAC_DRBG.rsp, SHA-256 without reseeding, COUNT = 0: the second request.
    drbg = HmacDrbg(
        unhexlify(
            "ca851911349384bffe89de1cbdc46e6831e44d34a4fb935ee285dd14b71a7488"
            "659ba96c601dc69fc902940805ec0ca8"
        )
    )
    output = bytearray(128)
    drbg.fill(output)
    drbg.fill(output)
    expected = "e528e9abf2dece54d47c7e75e5fe302149f817ea9fb4bee6f4199697d04d5b89"
    assert bytes(output[:32]) == unhexlify(expected)


SEED = (
    "490dc4b19d8c23e972487694d8fbdd9ba833a3d22e15411f46a48aa6a50180b1"
    "a99e03e247f2fdca86f7beb6ebd321d3ba2753c7205f37abd67977f393059fad"
)


def run_all():
    """Call every test of this module, on a board; return their number."""
    count = 0
    for name, test in sorted(globals().items()):
        if name.startswith("test_"):
            test()
            count += 1
    return count


def job(link):
    """Run as a job of the on-board agent; see `run_all`."""
    return run_all()
