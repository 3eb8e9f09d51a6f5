"""Kernels of ciphers, one-time MACs and hashes: all sizes and places, words that carry."""

import hashlib
import hmac

import kernel_bench as bench
import pytest

from tlscore.crypto import aes, chacha20, poly1305, sha512


def test_poly1305_at_the_edges_of_its_sum(machines, chance):
    portable_, fast = poly1305.Poly1305, one_time_mac().Poly1305
    for _ in range(200):
        key = chance.choice((chance.randbytes(32), b"\xff" * 32, bytes(32)))
        text = chance.choice((chance.randbytes(70), b"\xff" * 70))
        ours, theirs = fast(key), portable_(key)
        for each in (ours, theirs):
            each.update(text, 3, 35)
        end = chance.randrange(36, 71)
        fill = chance.random() < 0.5
        for each in (ours, theirs):
            each.update(text, 35, end, fill)
        assert ours.digest() == theirs.digest()


def one_time_mac():
    """Return the module around the kernel of Poly1305."""
    from tlscore.crypto.thumb import one_time_mac as module

    return module


def test_sha512_takes_words_that_carry_at_any_place(machines, chance):
    from tlscore.crypto.thumb import long_hash

    for size in (0, 1, 111, 112, 127, 128, 129, 300, 512):
        for word in (bytes(8), b"\xff" * 8, chance.randbytes(8)):
            start = tuple(chance.choices((0, (1 << 64) - 1, 1 << 63, 0xFFFFFFFF), k=8))
            message = word * (size // 8 + 2)
            for first in (0, 3):
                part = memoryview(message)[first : first + size]
                ours = long_hash.Sha512(start, 64, part)
                assert ours.digest() == sha512.Sha512(start, 64, bytes(part)).digest()


def running_hash():
    """Return the module around the kernel of SHA-256."""
    from tlscore.crypto.thumb import running_hash as module

    return module


def test_sha256_goes_on_from_any_place_and_any_state(machines, chance):
    for size in (0, 1, 55, 56, 63, 64, 65, 119, 120, 127, 128, 129, 200, 321):
        for octet in (b"\0", b"\xff", None):
            message = (chance.randbytes(1) if octet is None else octet) * size
            for split in {0, 1, 3, 63, 64, 65, size // 2, size} & {*range(size + 1)}:
                running = running_hash().Sha256(message[:split])
                assert running.digest() == hashlib.sha256(message[:split]).digest()
                other = running.copy()
                running.update(memoryview(message)[split:])
                assert running.digest() == hashlib.sha256(message).digest()
                assert other.digest() == hashlib.sha256(message[:split]).digest()


def test_sha256_takes_words_that_carry(machines, chance):
    """States of ones and zeros, which no message is known to lead to, by a plain model."""
    core = machines["sha256_machine"]
    for _ in range(60):
        words = chance.choices((0, 0xFFFFFFFF, 0x80000000, 1, chance.getrandbits(32)), k=8)
        block = chance.choices((0, 0xFFFFFFFF, 0x80000000, chance.getrandbits(32)), k=16)
        context = bytearray(b"".join(word.to_bytes(4, "little") for word in words) + bytes(68))
        core.call(context, b"".join(word.to_bytes(4, "big") for word in block), 64, 8)
        found = [int.from_bytes(context[i : i + 4], "little") for i in range(0, 32, 4)]
        assert found == after_block(words, block)
        assert context[32:] == b"\x40" + bytes(67)


def after_block(state, words):
    """Return the state of SHA-256 after a block, word by word as FIPS 180-4 §6.2.2 says it."""
    words = list(words)

    def rotated(x, *by):
        return [x >> n | x << 32 - n & 0xFFFFFFFF for n in by]

    def xor(parts):
        return parts[0] ^ parts[1] ^ parts[2]

    constants = bench.sha256.constants()
    for t in range(16, 64):
        small_0 = xor([*rotated(words[t - 15], 7, 18), words[t - 15] >> 3])
        small_1 = xor([*rotated(words[t - 2], 17, 19), words[t - 2] >> 10])
        words.append(words[t - 16] + small_0 + words[t - 7] + small_1 & 0xFFFFFFFF)
    a, b, c, d, e, f, g, h = state
    for t in range(64):
        first = h + xor(rotated(e, 6, 11, 25)) + (e & f ^ ~e & g) + constants[t] + words[t]
        second = xor(rotated(a, 2, 13, 22)) + (a & b ^ a & c ^ b & c)
        a, b, c, d, e, f, g, h = (
            first + second & 0xFFFFFFFF, a, b, c, d + first & 0xFFFFFFFF, e, f, g,
        )  # fmt: skip
    return [x + y & 0xFFFFFFFF for x, y in zip(state, (a, b, c, d, e, f, g, h), strict=True)]


def test_keys_of_all_sizes_make_any_number_of_hmacs(machines, chance):
    for size in (0, 1, 3, 4, 31, 32, 48, 63, 64, 65, 200):
        octets_ = chance.choice((bytes(size), b"\xff" * size, chance.randbytes(size)))
        key = running_hash().Key(octets_)
        for length in (0, 1, 55, 56, 64, 100):
            message = chance.randbytes(length)
            expected = hmac.digest(octets_, message, "sha256")
            assert key.hmac(message) == expected
            assert key.hmac(b"", memoryview(message)[:3], message[3:], b"") == expected


def test_chacha20_in_all_sizes_and_places(machines, chance):
    from tlscore.crypto.thumb import stream_cipher

    for size in (0, 1, 63, 64, 65, 127, 128, 129, 200):
        key, nonce = chance.randbytes(32), chance.randbytes(12)
        buffer = bytearray(chance.randbytes(size + 7))
        expected = bytearray(buffer)
        stream_cipher.ChaCha20(key).xor_key_stream(0xFFFFFF00, nonce, buffer, 3, 3 + size)
        chacha20.ChaCha20(key).xor_key_stream(0xFFFFFF00, nonce, expected, 3, 3 + size)
        assert buffer == expected


def test_aes_in_all_sizes_and_places(machines, chance):
    from tlscore.crypto.thumb import block_cipher

    for size in (0, 1, 15, 16, 17, 33):
        for key in (chance.randbytes(16), b"\xff" * 32, chance.randbytes(32)):
            buffer, counter = bytearray(chance.randbytes(size + 7)), chance.randbytes(12) + bytes(4)
            expected = bytearray(buffer)
            ours, theirs = block_cipher.AES(key), aes.AES(key)
            ours.xor_key_stream(counter, buffer, 3, 3 + size)
            theirs.xor_key_stream(counter, expected, 3, 3 + size)
            assert buffer == expected
            macs = bytearray(counter), bytearray(counter)
            ours.cbc_mac(macs[0], buffer, 1, 1 + size)
            theirs.cbc_mac(macs[1], buffer, 1, 1 + size)
            assert macs[0] == macs[1]


@pytest.mark.parametrize("size", [-1, 41])
def test_nothing_beyond_a_buffer_is_touched(machines, size):
    from tlscore.crypto.thumb import block_cipher, stream_cipher, universal_hash

    buffer = bytearray(40)
    for function, arguments in (
        (block_cipher.AES(bytes(16)).xor_key_stream, (bytes(16),)),
        (stream_cipher.ChaCha20(bytes(32)).xor_key_stream, (0, bytes(12))),
        (universal_hash.Ghash(bytes(16)).update, ()),
        (one_time_mac().Poly1305(bytes(32)).update, ()),
    ):
        with pytest.raises(ValueError, match="range"):
            function(*arguments, buffer, 0, size)
