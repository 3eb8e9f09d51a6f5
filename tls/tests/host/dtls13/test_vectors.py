"""Published values of a DTLS 1.3 connection between wolfSSL's programs, step by step.

Source: "The Illustrated DTLS Connection" by Michael Driscoll, https://dtls.xargs.org (its suite is
TLS_AES_128_GCM_SHA256, the key exchange X25519).
"""

import pytest

from tlscore.dtls13 import acks, suites
from tlscore.dtls13.record import EPOCH_DATA, Header, RecordProtection
from tlscore.schedule import KeySchedule, expand_label

SHARED_SECRET = "df4a291baa1eb7cfa6934b29b474baad2697e29f1f920dcc77c8a0a088447624"
HELLO_HASH = "aee8eba0d2ee87052fbbc6864c1514c5a927d6f0ffb4f7954c7f379d95f1b1d7"
HANDSHAKE_HASH = "77ff5eee528abc269960b0ea316eb8578dc8325d86ec1336ffe4b2941e26d82b"
# (client, server) of the handshake and of the data: key, IV, key of record numbers
HANDSHAKE = (
    ("6caa2633d5e48f10051e69dc45549c97", "106dc6e393b7a9ea8ef29dd7"),
    ("004e03e64ab6cba6b542775ec230e20a", "6d9924be044ee97c624913f2"),
)
DATA = (
    (
        "9ba90dbce8857bc1fcb81d41a0465cfe",
        "682219974631fa0656ee4eff",
        "5cb5bd8bac29777c650c0dde22d16d47",
    ),
    (
        "2b65fffbbc8189474aa2003c43c32d4d",
        "582f5a11bdaf973fe3ffeb4e",
        "57ba02596c6a1352d7fe8416c7e17d5a",
    ),
)
LABELS = ((b"key", 16), (b"iv", 12), (b"sn", 16))
# The server's first record of data: it acknowledges the client's Finished.
ACK = "001000000000000000020000000000000000"
ACK_SAMPLE, ACK_MASK = "ea80ab8e08c93895418d243571ea6de7", "3150"
ACK_TAG = "84230bb6043cb384df94b6da285a3bc4"


def secrets():
    """Return the traffic secrets: ((client, server) of the handshake, the same of the data)."""
    suite = suites.find(0x1301)
    schedule = KeySchedule(suite.hash)
    schedule.mix(bytes.fromhex(SHARED_SECRET))
    digest = bytes.fromhex(HELLO_HASH)
    first = schedule.derive(digest, b"c hs traffic", b"s hs traffic")
    schedule.mix()
    digest = bytes.fromhex(HANDSHAKE_HASH)
    return suite, first, schedule.derive(digest, b"c ap traffic", b"s ap traffic")


def test_keys_come_of_the_labels_of_dtls():
    suite, first, then = secrets()
    for found, expected in ((first, HANDSHAKE), (then, DATA)):
        for secret, values in zip(found, expected, strict=True):
            for (label, size), value in zip(LABELS, values, strict=False):
                assert expand_label(suite.hash, secret, label, b"", size).hex() == value


def test_a_record_is_sealed_and_its_number_hidden_as_published():
    suite, _, (_, server) = secrets()
    protection = RecordProtection(suite, server, EPOCH_DATA)
    buffer, content = bytearray(100), bytes.fromhex(ACK)
    at = protection.header_bytes()
    buffer[at : at + len(content)] = content
    end = protection.seal(buffer, 0, 26, len(content))
    assert buffer[:5].hex() == "2f" + ACK_MASK + "0023"
    assert buffer[5:21].hex() == ACK_SAMPLE
    assert buffer[end - 16 : end].hex() == ACK_TAG


def test_it_is_opened_again_and_says_what_it_acknowledges():
    suite, _, (_, server) = secrets()
    sender, receiver = [RecordProtection(suite, server, EPOCH_DATA) for _ in range(2)]
    buffer, content = bytearray(100), bytes.fromhex(ACK)
    at = sender.header_bytes()
    buffer[at : at + len(content)] = content
    end = sender.seal(buffer, 0, 26, len(content))
    view = memoryview(buffer)[:end]
    assert receiver.open(view, Header(view, 0, 0)) == 0
    assert receiver.content_type == 26
    said = view[at : receiver.content_end]
    assert acks.parse(said) == [(2, 0)]


# RFC 9001 appendix A.5 has the mask of ChaCha20 for QUIC, made in the same way (§5.4.4 there).
QUIC_KEY = "25a282b9e82f06f21f488917a4fc8f1b73573685608597d0efcb076b0ab7a7a4"


def test_the_mask_of_chacha20_is_that_of_quic():
    sample = bytes.fromhex("5e5cd55c41f69080575d7999c25a5bfb")
    mask = suites.ChaCha20Mask(bytes.fromhex(QUIC_KEY)).of(sample)
    assert mask.hex() == "aefefe7d"


# RFC 9001 appendix A.2: the same for AES-128.
QUIC_AES_KEY, QUIC_AES_SAMPLE = (
    "9f50449e04a0e810283a1e9933adedd2",
    "d1b1c98dd7689fb8ec11d242b123dc9b",
)


def test_the_mask_of_aes_is_that_of_quic():
    mask = suites.AesMask(bytes.fromhex(QUIC_AES_KEY)).of(bytes.fromhex(QUIC_AES_SAMPLE))
    assert mask[:5].hex() == "437b9aec36"


@pytest.mark.parametrize(("last", "said", "bits", "number"), [
    (-1, 0, 8, 0),
    (-1, 0xFF, 8, 0xFF),
    (299, 0x2C, 8, 300),
    (299, 0x00, 8, 0x100),
    (299, 0xFF, 8, 0xFF),
    (0x1FFFE, 0xFFFF, 16, 0x1FFFF),
    (0x1FFFF, 0x0000, 16, 0x20000),
    (0x1FFFF, 0xFFF0, 16, 0x1FFF0),
    (0x20000, 0x8002, 16, 0x18002),
    (0x20000, 0x8000, 16, 0x28000),
])  # fmt: skip
def test_a_number_is_the_nearest_to_the_next(last, said, bits, number):
    """RFC 9147 §4.2.2."""
    suite, _, (_, server) = secrets()
    protection = RecordProtection(suite, server, EPOCH_DATA)
    protection.window.newest = last
    octets = said.to_bytes(bits // 8, "big")
    view = memoryview(bytearray(bytes((0x2B if bits == 16 else 0x23,)) + octets + bytes(40)))
    assert protection._nearest(view, Header(view, 0, 0)) == number
