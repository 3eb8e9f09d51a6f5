"""Fields of the presentation language: read whole, read in pieces, written in place."""

import pytest

from tlscore.errors import PeerMisbehaved, TlsError
from tlscore.wire import PushParser, Reader, Writer


def refused(function, *arguments):
    with pytest.raises(PeerMisbehaved) as caught:
        function(*arguments)
    assert caught.value.alert == 50
    return caught.value.reason


def test_integers_are_big_endian():
    reader = Reader(bytes(range(1, 7)), "m")
    assert (reader.u8(), reader.u16(), reader.u24()) == (1, 0x0203, 0x040506)
    reader.finish()


@pytest.mark.parametrize("take", ["u8", "u16", "u24"])
def test_an_integer_that_is_cut_off_is_refused(take):
    size = int(take[1:]) // 8
    assert refused(getattr(Reader(bytes(size - 1), "m"), take)) == "m.truncated"


@pytest.mark.parametrize(("take", "prefix"), [("vector8", b"\x02"), ("vector16", b"\x00\x02")])
def test_a_vector_is_a_reader_of_its_content(take, prefix):
    reader = Reader(prefix + b"abrest", "m")
    inner = getattr(reader, take)()
    assert inner.rest() == b"ab"
    inner.finish()
    assert reader.remaining() == 4
    assert reader.rest() == b"rest"


@pytest.mark.parametrize("length", [0, 1, 4])
def test_a_vector_outside_its_bounds_is_refused(length):
    data = bytes([length]) + bytes(length)
    assert refused(Reader(data, "m").vector8, 2, 3) == "m.bad_length"


def test_a_vector_that_is_cut_off_is_refused():
    assert refused(Reader(b"\x03ab", "m").vector8) == "m.truncated"
    assert refused(Reader(b"\x00\x03ab", "m").vector16) == "m.truncated"


def test_an_inner_reader_cannot_read_past_its_vector():
    inner = Reader(b"\x01abc", "m").vector8()
    assert refused(inner.u16) == "m.truncated"


def test_left_over_bytes_are_refused():
    reader = Reader(b"ab", "m")
    reader.u8()
    assert refused(reader.finish) == "m.trailing_data"


def test_what_is_taken_from_a_memoryview_points_into_it():
    buffer = bytearray(b"abcd")
    taken = Reader(memoryview(buffer), "m").take(2)
    buffer[0] = 0x7A
    assert bytes(taken) == b"zb"


class Pairs(PushParser):
    """Reads (length, opaque) again and again and notes what it saw."""

    def __init__(self, length):
        PushParser.__init__(self, length, "m")
        self.seen = []
        self.pieces = b""
        self.expect_integer(1)

    def on_integer(self, value):
        self.expect_opaque(value)

    def on_piece(self, piece):
        self.pieces += bytes(piece)

    def on_end(self):
        self.seen.append(self.pieces)
        self.pieces = b""
        if self.unclaimed:
            self.expect_integer(1)


@pytest.mark.parametrize("step", [1, 2, 3, 100])
def test_a_push_parser_does_not_mind_where_it_is_cut(step):
    data = b"\x03abc\x00\x01d"
    parser = Pairs(len(data))
    for at in range(0, len(data), step):
        parser.push(memoryview(data)[at : at + step])
    assert parser.seen == [b"abc", b"", b"d"]


def test_a_field_past_the_announced_length_is_refused_at_once():
    parser = Pairs(5)
    assert refused(parser.push, b"\x05") == "m.truncated"


def test_bytes_nobody_asked_for_are_refused():
    parser = Pairs(2)
    assert refused(parser.push, b"\x01ab") == "m.trailing_data"


def test_what_is_written_is_read_back():
    buffer = bytearray(40)
    writer = Writer(buffer, 3, 40)
    mark = writer.open(3)
    writer.u8(1)
    writer.u16(0x0203)
    writer.vector8(b"ab")
    writer.vector16(b"cde")
    writer.close(mark, 3)
    reader = Reader(bytes(buffer[3 : writer.position]), "m")
    assert reader.u24() == reader.remaining() == 11
    assert (reader.u8(), reader.u16()) == (1, 0x0203)
    assert (reader.vector8().rest(), reader.vector16().rest()) == (b"ab", b"cde")
    assert not any(buffer[:3])
    assert not any(buffer[writer.position :])


def test_a_writer_keeps_to_its_limit():
    writer = Writer(bytearray(10), 0, 4)
    writer.u16(1)
    with pytest.raises(TlsError, match=r"send_buffer\.too_small"):
        writer.raw(b"abc")
    writer.u16(2)
