"""Records sealed and opened by the authenticated ciphers as TLS numbers them.

They are compared with `seal` and `open`, which the published vectors go through. Plain asserts and
no fixtures: pytest runs this on CPython; a board is sent the file and runs `job`.
"""

from tlscore.crypto import aead

IV = bytes(range(100, 112))
AES_128_CONTEXT_BYTES = 288
NUMBERS = (0, 1, 255, 256, 257, 65535, 65536, 0x3FFFFFFF)
SIZES = (0, 1, 16, 63, 64, 65, 130)


def refusal(function, *arguments):
    """Return the reason with which a call is refused."""
    try:
        function(*arguments)
    except ValueError as error:
        return error.args[0]
    raise AssertionError("not refused")


def pairs():
    """Return two objects for each cipher under the same key: one for records, one to compare."""
    for make, size in (
        (aead.aes_128_gcm, 16),
        (aead.aes_256_gcm, 32),
        (aead.chacha20_poly1305, 32),
        (aead.aes_128_ccm, 16),
        (aead.aes_128_ccm_8, 16),
    ):
        key = bytes(range(7, 7 + size))
        yield make(key), make(key)


def nonce_of(number):
    return (int.from_bytes(IV, "big") ^ number).to_bytes(12, "big")


def record_of(cipher, number, text):
    """Return the record of TLS 1.3 that has that text, by `seal`."""
    size = len(text) + cipher.tag_size
    header = bytes((23, 3, 3, size >> 8, size & 0xFF))
    buffer = bytearray(header + text + bytes(cipher.tag_size))
    cipher.seal(nonce_of(number), header, buffer, 5, 5 + len(text))
    return buffer


def text_of(size):
    return bytes([(37 * i) & 0xFF for i in range(size)])


def test_records_are_sealed_with_their_header_and_their_number():
    for records, plain in pairs():
        records.count_records(IV)
        for number, size in zip(NUMBERS, SIZES + SIZES):
            records.recount(number)
            for following in (number, number + 1):
                buffer = bytearray(b"<<-----" + text_of(size) + bytes(plain.tag_size) + b">")
                records.seal_record(buffer, 7, 7 + size)
                assert buffer[2:-1] == record_of(plain, following, text_of(size))
                assert buffer[:2] + buffer[-1:] == b"<<>"


def test_records_are_opened_by_their_number():
    for records, plain in pairs():
        records.count_records(IV)
        for size in SIZES:
            buffer = record_of(plain, 255, text_of(size))
            records.recount(254)
            before = bytes(buffer)
            assert not records.open_record(buffer, 5, len(buffer))
            assert buffer == before
            assert records.open_record(buffer, 5, len(buffer))
            assert buffer[5 : 5 + size] == text_of(size)
            for i in range(0, len(before), 5):
                forged = bytearray(before)
                forged[i] ^= 1 << (i & 7)
                records.recount(255)
                assert not records.open_record(forged, 5, len(forged))


def test_a_cipher_with_another_key_is_as_good_as_new():
    for records, plain in pairs():
        if not hasattr(records, "rekey"):  # machine code alone has room to keep
            continue
        records.count_records(IV)
        records.recount(77)
        buffer = bytearray(12) + text_of(33) + bytes(plain.tag_size)
        records.seal_record(buffer, 12, 45)
        context = records.context
        key = bytes(range(50, 50 + (16 if len(context) == AES_128_CONTEXT_BYTES else 32)))
        records.rekey(key)
        assert records.context is context
        fresh = type(records)(key)
        assert context == fresh.context
        records.count_records(IV)
        buffer = bytearray(5) + text_of(33) + bytes(plain.tag_size)
        records.seal_record(buffer, 5, 38)
        assert buffer == record_of(fresh, 0, text_of(33))


def test_nonce_and_additional_data_can_be_said():
    for records, plain in pairs():
        records.set_aad_size(13)
        for number in (3, 4):
            nonce, aad = nonce_of(number), bytes(range(number, number + 13))
            context = records.context
            context[records.nonce_at : records.nonce_at + 12] = nonce
            context[records.aad_at : records.aad_at + 13] = aad
            buffer, other = (bytearray(text_of(50) + bytes(16)) for _ in range(2))
            records.seal_record(buffer, 0, 50)
            plain.seal(nonce, aad, other, 0, 50)
            assert buffer == other
            assert records.open_record(buffer, 0, 50 + plain.tag_size)
            assert buffer[:50] == text_of(50)


def test_both_ways_to_use_a_cipher_do_not_disturb_each_other():
    for records, plain in pairs():
        records.count_records(IV)
        for number in range(3):
            buffer, other = (bytearray(40) for _ in range(2))
            for each, where in ((records, buffer), (plain, other)):
                each.seal(bytes(12), bytes(range(number, 40)), where, 0, 20)
            assert buffer == other
            buffer = bytearray(5) + text_of(20) + bytes(plain.tag_size)
            records.seal_record(buffer, 5, 25)
            assert buffer == record_of(plain, number, text_of(20))


def test_nothing_beyond_a_buffer_is_touched():
    for records, plain in pairs():
        records.count_records(IV)
        tag = plain.tag_size
        for method, start, end in (
            (records.seal_record, 5, 41 - tag),
            (records.seal_record, 6, 5),
            (records.open_record, 5, 41),
            (records.open_record, 6, 5),
        ):
            assert refusal(method, bytearray(40), start, end) == "aead.range"


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
