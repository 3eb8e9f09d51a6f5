"""Records opened in pieces by the authenticated ciphers.

They are compared with `seal`, which the published vectors go through. Plain asserts and no
fixtures: pytest runs this on CPython; a board is sent the file and runs `job`.
"""

from tlscore.crypto import aead
from tlscore.crypto.pieces import begin

IV = bytes(range(100, 112))


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


def open_in_pieces(cipher, buffer, step):
    """Open the record in a buffer in pieces of that size; tell whether its tag is right."""
    end = len(buffer) - cipher.tag_size
    opening = begin(cipher, buffer, 5, end - 5)
    at = 5
    while at + step < end:
        opening.open_piece(buffer, at, at + step)
        at += step
    return opening.open_last(buffer, at, end)


def test_records_are_opened_in_pieces():
    for records, plain in pairs():
        records.count_records(IV)
        for number, size in enumerate((1, 16, 63, 64, 65, 128, 130, 192, 300)):
            for step in (64, 128):
                buffer = record_of(plain, number, text_of(size))
                before = bytes(buffer)
                records.recount(number)
                assert open_in_pieces(records, buffer, step)
                assert buffer[5 : 5 + size] == text_of(size)
                assert buffer[:5] == before[:5]
                # The record behind it, opened at once, is that of the next number.
                buffer = record_of(plain, number + 1, text_of(20))
                assert records.open_record(buffer, 5, len(buffer))


def test_any_change_of_a_record_in_pieces_is_found():
    for records, plain in pairs():
        records.count_records(IV)
        before = bytes(record_of(plain, 7, text_of(150)))
        for i in range(len(before) - 1, -1, -13):
            forged = bytearray(before)
            forged[i] ^= 1 << (i & 7)
            records.recount(7)
            assert not open_in_pieces(records, forged, 64)
        records.recount(8)
        assert not open_in_pieces(records, bytearray(before), 64)


def test_the_last_piece_may_be_the_tag_alone():
    for records, plain in pairs():
        records.count_records(IV)
        for flip in (0, 0x80):
            buffer = record_of(plain, 0, text_of(64))
            buffer[-1] ^= flip
            records.recount(0)
            opening = begin(records, buffer, 5, 64)
            opening.open_piece(buffer, 5, 69)
            assert opening.open_last(buffer, 69, 69) == (flip == 0)
            assert buffer[5:69] == text_of(64)


def test_pieces_with_nonce_and_additional_data_said():
    for records, plain in pairs():
        records.set_aad_size(13)
        nonce, aad = nonce_of(5), bytes(range(13))
        sealed = bytearray(text_of(150) + bytes(plain.tag_size))
        plain.seal(nonce, aad, sealed, 0, 150)
        records.context[records.nonce_at : records.nonce_at + 12] = nonce
        records.context[records.aad_at : records.aad_at + 13] = aad
        buffer = bytearray(5) + sealed
        assert open_in_pieces(records, buffer, 64)
        assert buffer[5:155] == text_of(150)


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
