"""What the published vectors do not cover of the authenticated ciphers: edges, refusals, buffers.

Plain asserts and no fixtures: pytest runs this on CPython; a board is sent the file and runs `job`.
"""

from tlscore.crypto import aead
from tlscore.crypto.ccm import AesCcm


def refusal(function, *arguments):
    """Return the reason with which a call is refused."""
    try:
        function(*arguments)
    except (ValueError, ImportError) as error:
        return error.args[0]
    raise AssertionError("not refused")


def ciphers():
    return (
        ("aes_128_gcm", aead.aes_128_gcm(bytes(range(16)))),
        ("aes_256_gcm", aead.aes_256_gcm(bytes(range(32)))),
        ("chacha20_poly1305", aead.chacha20_poly1305(bytes(range(32)))),
        ("aes_128_ccm", aead.aes_128_ccm(bytes(range(16)))),
        ("aes_128_ccm_8", aead.aes_128_ccm_8(bytes(range(16)))),
    )


def test_what_is_sealed_opens_at_every_length_around_a_block():
    for _, cipher in ciphers():
        for length in (0, 1, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 256, 257, 300):
            text = bytes([i & 0xFF for i in range(length)])
            buffer = bytearray(b"<" + text + bytes(cipher.tag_size) + b">")
            cipher.seal(bytes(12), b"\x17\x03\x03", buffer, 1, 1 + length)
            assert buffer[:1] == b"<"
            assert buffer[-1:] == b">"
            assert length < 8 or buffer[1 : 1 + length] != text
            sealed = bytes(buffer)
            assert cipher.open(bytes(12), b"\x17\x03\x03", buffer, 1, len(buffer) - 1)
            assert buffer[1 : 1 + length] == text
            assert buffer[1 + length :] == sealed[1 + length :]


def test_any_change_is_refused_and_leaves_the_buffer_untouched():
    for _, cipher in ciphers():
        buffer = bytearray(37 + cipher.tag_size)
        cipher.seal(bytes(12), b"aad", buffer, 0, 37)
        for i in range(0, len(buffer), 4):
            changed = bytearray(buffer)
            changed[i] ^= 1 << (i & 7)
            before = bytes(changed)
            assert not cipher.open(bytes(12), b"aad", changed, 0, len(changed))
            assert changed == before
        before = bytes(buffer)
        for nonce, aad in ((b"\x01" + bytes(11), b"aad"), (bytes(12), b"aae"), (bytes(12), b"")):
            assert not cipher.open(nonce, aad, buffer, 0, len(buffer))
            assert buffer == before


def test_length_fields_keep_aad_and_text_apart():
    for _, cipher in ciphers():
        buffer = bytearray(16 + cipher.tag_size)
        cipher.seal(bytes(12), bytes(16), buffer, 0, 16)
        moved = bytearray(buffer)
        aad = bytes(16) + bytes(buffer[:16])
        assert not cipher.open(bytes(12), aad, moved, 16, len(moved))


def test_a_record_shorter_than_a_tag_is_refused():
    for _, cipher in ciphers():
        for size in range(cipher.tag_size):
            assert cipher.open(bytes(12), b"", bytearray(size), 0, size) is False


def test_aead_works_in_a_memoryview():
    for _, cipher in ciphers():
        buffer = bytearray(100)
        view = memoryview(buffer)
        cipher.seal(bytes(12), memoryview(b"aad"), view, 10, 60)
        assert buffer[:10] == bytes(10)
        end = 60 + cipher.tag_size
        assert buffer[end:] == bytes(100 - end)
        assert cipher.open(memoryview(bytes(12)), b"aad", view, 10, end)
        assert buffer[:60] == bytes(60)


def test_tags_have_the_sizes_of_their_suites():
    assert [cipher.tag_size for _, cipher in ciphers()] == [16, 16, 16, 16, 8]


def test_aead_refuses_wrong_sizes():
    for make, size in (
        (aead.aes_128_gcm, 16),
        (aead.aes_256_gcm, 32),
        (aead.chacha20_poly1305, 32),
        (aead.aes_128_ccm, 16),
        (aead.aes_128_ccm_8, 16),
    ):
        for wrong in (0, 15, 17, 24, 48 - size):
            assert refusal(make, bytes(wrong)) == "aead.key_size"
    for _, cipher in ciphers():
        room = 16 + cipher.tag_size
        for size in (0, 7, 8, 11, 13, 16):
            for method in (cipher.seal, cipher.open):
                assert refusal(method, bytes(size), b"", bytearray(room), 0, 16) == (
                    "aead.nonce_size"
                )
        for start, end in ((0, 17), (5, 4), (-1, 4)):
            buffer = bytearray(room)
            assert refusal(cipher.seal, bytes(12), b"", buffer, start, end) == "aead.range"
            assert buffer == bytes(room)
        assert refusal(cipher.open, bytes(12), b"", bytearray(room), 0, room + 1) == "aead.range"


def test_ccm_takes_the_sizes_its_format_has_room_for():
    for size in (0, 2, 3, 5, 15, 17, 18, 32):
        assert refusal(AesCcm, bytes(16), size) == "aead.tag_size"
    for size in (0, 6, 14, 15, 16):
        cipher = AesCcm(bytes(16), 8)
        cipher.nonce_size = size
        assert refusal(cipher.seal, bytes(size), b"", bytearray(32), 0, 16) == "aead.nonce_size"
    # A nonce of 13 bytes leaves two for the length of the text.
    long = AesCcm(bytes(16), 8)
    long.nonce_size = 13
    assert refusal(long.seal, bytes(13), b"", bytearray(65536 + 8), 0, 65536) == "aead.range"
    assert refusal(long.seal, bytes(13), bytes(0xFF00), bytearray(16), 0, 8) == "aead.range"


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
