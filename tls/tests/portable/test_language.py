"""What the core takes for granted of the language, on CPython and on boards, in both byte orders.

Plain asserts and no fixtures: pytest runs this on CPython; a board is sent the file and runs `job`.
"""

import struct
import sys

OCTETS = bytes(range(1, 9))
PRIME = (1 << 255) - 19


def raised(function, *arguments):
    """Return the class of what a call raises, or None."""
    try:
        function(*arguments)
    except Exception as error:  # noqa: BLE001 -- which one is the question
        return type(error)
    return None


def test_integers_from_octets_in_both_orders():
    assert int.from_bytes(OCTETS, "big") == 0x0102030405060708
    assert int.from_bytes(OCTETS, "little") == 0x0807060504030201
    assert int.from_bytes(b"", "big") == int.from_bytes(b"", "little") == 0
    assert int.from_bytes(b"\xff" * 66, "big") == (1 << 528) - 1
    assert int.from_bytes(memoryview(OCTETS)[1:3], "big") == 0x0203
    assert int.from_bytes(bytearray(b"\x80\x00\x00\x00"), "big") == 1 << 31


def test_integers_to_octets_in_both_orders():
    assert (0x0102030405060708).to_bytes(8, "big") == OCTETS
    assert (0x0807060504030201).to_bytes(8, "little") == OCTETS
    assert (0).to_bytes(4, "big") == bytes(4)
    assert (1).to_bytes(66, "big") == bytes(65) + b"\x01"
    assert (1).to_bytes(66, "little") == b"\x01" + bytes(65)
    for bits in (30, 31, 32, 33, 62, 63, 64, 65, 255, 521):
        for number in ((1 << bits) - 1, 1 << bits, (1 << bits) + 1):
            for order in ("big", "little"):
                octets = number.to_bytes(66, order)
                assert int.from_bytes(octets, order) == number
                assert octets != number.to_bytes(66, "little" if order == "big" else "big")


def test_an_integer_too_long_for_its_octets_is_refused():
    assert raised((1 << 32).to_bytes, 4, "big") is OverflowError
    assert raised((1 << 255).to_bytes, 31, "little") is OverflowError


def test_struct_has_the_byte_order_it_is_told():
    assert struct.pack(">HI", 0x0102, 0x03040506) == OCTETS[:6]
    assert struct.pack("<HI", 0x0201, 0x06050403) == OCTETS[:6]
    assert struct.unpack(">Q", OCTETS) == (0x0102030405060708,)
    assert struct.unpack("<Q", OCTETS) == (0x0807060504030201,)
    assert struct.unpack_from(">H", OCTETS, 3) == (0x0405,)  # at an odd place
    assert struct.calcsize(">BHI") == 7
    buffer = bytearray(9)
    struct.pack_into("<I", buffer, 1, 0xFFFFFFFE)
    assert buffer == b"\x00\xfe\xff\xff\xff\x00\x00\x00\x00"


def test_struct_without_an_order_has_the_machines():
    big = struct.pack("I", 1) == b"\x00\x00\x00\x01"
    assert big == (sys.byteorder == "big")


def test_a_memoryview_is_a_window_and_not_a_copy():
    buffer = bytearray(8)
    window = memoryview(buffer)[2:6]
    window[0] = 7
    window[1:3] = b"\x08\x09"
    assert buffer == b"\x00\x00\x07\x08\x09\x00\x00\x00"
    buffer[5] = 10
    assert window[3] == 10
    assert bytes(window[1:]) == b"\x08\x09\x0a"
    assert len(window[4:]) == 0
    assert window == b"\x07\x08\x09\x0a"
    assert raised(write, memoryview(b"four")) is TypeError


def write(window):
    window[0] = 1


def test_slices_of_a_bytearray_are_assigned_in_place():
    buffer = bytearray(OCTETS)
    buffer[2:5] = b"abc"
    assert buffer == b"\x01\x02abc\x06\x07\x08"
    buffer[:4] = memoryview(buffer)[4:8]
    assert buffer == b"c\x06\x07\x08c\x06\x07\x08"


def test_integers_have_any_size():
    assert pow(3, PRIME - 1, PRIME) == 1
    assert (1 << 521) % PRIME == (1 << 266) * 19 % PRIME
    assert -7 % PRIME == PRIME - 7
    assert (PRIME * PRIME) >> 255 == PRIME - 19
    assert -1 >> 70 == -1
    assert (1 << 64) - 1 & 0xFFFFFFFF == 0xFFFFFFFF
    assert 0xFFFFFFFF ^ 0x7FFFFFFF == 1 << 31
    assert divmod(10**40, 10**20 + 1) == (99999999999999999999, 1)


def test_integers_at_the_edge_of_a_machine_word():
    for edge in (1 << 29, 1 << 30, 1 << 31, 1 << 32, 1 << 61, 1 << 62, 1 << 63, 1 << 64):
        assert edge - 1 + 1 == edge
        assert (edge + 1) - edge == 1
        assert edge * edge // edge == edge
        assert -edge - 1 == ~edge
        assert (edge - 1) * (edge + 1) == edge * edge - 1


def test_keys_and_closures_work():
    table = {(1, b"a"): "tuple", b"a": "bytes", "a": "str", 1 << 70: "large"}
    assert table[(1, bytes(bytearray(b"a")))] == "tuple"
    assert table[bytes(memoryview(b"xa")[1:])] == "bytes"
    assert table[1 << 70] == "large"
    total = []
    for number in range(3):
        total.append(lambda number=number: number)
    assert [each() for each in total] == [0, 1, 2]


class Called:
    """Something with every way to be called."""

    def __init__(self, first, second=2):
        self.both = (first, second)

    def method(self, first, *rest, **named):
        return first + len(rest) + len(named)

    def __call__(self, *numbers):
        return numbers[0]

    def __getitem__(self, index):
        return self.method(index)

    def counted(self, *ends):
        yield from range(*ends)

    def refuse(self, *reasons):
        raise ValueError(*reasons)


def refused(called, *reasons):
    try:
        called.refuse(*reasons)
    except ValueError as error:
        return len(error.args)


def test_calls_of_every_kind_end_without_a_trace():
    """What a call leaves on a stack of Python's own would exhaust it in a loop."""
    called, pair, named = Called(1), (1, 2), {"a": 1, "b": 2}

    def closure(*numbers):
        return called.method(*numbers)

    for _ in range(500):
        assert called.method(*pair) == called.method(*pair[:1], a=1) == 2
        assert called.method(1, **named) == 3
        assert closure(*pair) == 2
        assert called(*pair) == called[1] == 1
        assert Called(*pair).both == pair
        assert max(*pair) == 2
        assert refused(called, *pair) == 2
        for number in called.counted(*pair):
            assert number == 1
        assert next(called.counted(*pair)) == 1
        assert sorted(pair, key=lambda number: called.method(*pair[:number]))[0] == 1


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
