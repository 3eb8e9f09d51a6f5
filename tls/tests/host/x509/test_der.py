"""The DER reader: what it refuses, and that pieces do not matter."""

import pytest

from tlscore.x509.der import OPTIONAL, REPEAT, DerReader, named_bits, true, unsigned


class Refused(Exception):
    """What the target raises."""


class Target:
    """Records what the grammar names."""

    def __init__(self):
        self.seen = []

    def refuse(self, reason):
        raise Refused(reason)

    def enter_outer(self, reader):
        self.seen.append(("enter", bytes(reader.header[: reader.header_bytes]), reader.length))

    def leave_outer(self, reader):
        self.seen.append(("leave", reader.offset + reader.position))

    def leave_number(self, reader):
        self.seen.append(("number", bytes(reader.value[: reader.value_bytes])))

    def leave_skipped(self, reader):
        self.seen.append(("skipped", reader.length))


INNER = (
    (b"\x02", 0, 4, None, "leave_number"),
    (b"\x04", OPTIONAL, 0, None, "leave_skipped"),
    (b"\x05\x06", REPEAT, 2, None, "leave_number"),
    (b"\x30", OPTIONAL | REPEAT, (), None, None),
)
RULE = ((b"\x30", 0, INNER, "enter_outer", "leave_outer"),)


def read(data, piece_bytes=1, length=None):
    """Return what the target saw, or why the data was refused."""
    target = Target()
    reader = DerReader(target, 8)
    reader.begin(RULE, len(data) if length is None else length)
    try:
        for start in range(0, len(data), piece_bytes):
            reader.push(data[start : start + piece_bytes])
        reader.end()
    except Refused as refused:
        return str(refused)
    return target.seen


GOOD = bytes.fromhex("3012 020101 0403616263 0600 06020102 3000 3000")


@pytest.mark.parametrize("piece_bytes", [1, 2, 3, 5, 100])
def test_pieces_of_any_size_give_the_same_elements(piece_bytes):
    assert read(GOOD, piece_bytes) == [
        ("enter", b"\x30\x12", 18),
        ("number", b"\x01"),
        ("skipped", 3),
        ("number", b""),
        ("number", b"\x01\x02"),
        ("leave", 20),
    ]


def test_a_long_element_passes_through_a_small_reader():
    contents = bytes.fromhex("020101 0482012c") + bytes(300) + b"\x05\x00"
    data = b"\x30\x82" + len(contents).to_bytes(2, "big") + contents
    assert ("skipped", 300) in read(data)


REFUSALS = {
    "an element longer than the one around it": ("3005 020101 0501", "length_overrun"),
    "an outer element longer than the whole": ("3006 020101 0500", "length_overrun"),
    "a header across the end of the element around it": ("3004 020101 0500", "length_overrun"),
    "bytes after the outer element": ("3005 020101 0500 00", "trailing_bytes"),
    "an element too many": ("3007 020101 3000 3000", "unexpected_tag"),
    "another outer tag": ("3105 020101 0500", "unexpected_tag"),
    "another inner tag": ("3005 010101 0500", "unexpected_tag"),
    "elements out of order": ("3007 0400 020101 0500", "unexpected_tag"),
    "an optional element twice": ("3009 020101 0400 0400 0500", "unexpected_tag"),
    "an element of a later row, then an earlier one": ("3007 020101 0500 0400", "unexpected_tag"),
    "a required element absent at the end": ("3003 020101", "missing_element"),
    "a required element absent before another": ("3005 020101 3000", "unexpected_tag"),
    "every element absent": ("3000", "missing_element"),
    "an element inside one that has none": ("3009 020101 0500 3002 0500", "unexpected_tag"),
    "a longer value than is kept": ("3009 02050100000000 0500", "too_long"),
    "an indefinite length": ("3080 020101 0500 0000", "indefinite_length"),
    "a length of four octets": ("3084 00000005 020101 0500", "length_form"),
    "the reserved length": ("30ff", "length_form"),
    "a short length in one more octet": ("308105 020101 0500", "length_not_minimal"),
    "a length with a leading zero": ("30820005 020101 0500", "length_not_minimal"),
    "a longer length with a leading zero": ("3083000500", "length_not_minimal"),
    "a tag of more than one octet": ("3f1f05 020101 0500", "unexpected_tag"),
}


@pytest.mark.parametrize("piece_bytes", [1, 100])
@pytest.mark.parametrize(("data", "reason"), REFUSALS.values(), ids=REFUSALS)
def test_what_is_not_der_or_not_in_the_grammar_is_refused(data, reason, piece_bytes):
    assert read(bytes.fromhex(data), piece_bytes) == "der." + reason


@pytest.mark.parametrize("count", range(len(GOOD)))
def test_every_truncation_is_refused(count):
    assert read(GOOD[:count], length=len(GOOD)) == "der.truncated"


def test_an_empty_value_is_refused():
    assert read(b"") == "der.missing_element"


def test_a_stopped_reader_takes_anything():
    target = Target()
    reader = DerReader(target, 8)
    reader.begin(RULE, 100)
    reader.stop()
    reader.push(b"\xff" * 300)
    reader.end()
    assert target.seen == []


@pytest.mark.parametrize(
    ("contents", "number"),
    [
        ("00", 0),
        ("7f", 127),
        ("0080", 128),
        ("00ffffffff", 0xFFFFFFFF),
        ("", -1),
        ("80", -1),
        ("ff", -1),
        ("0000", -1),
        ("007f", -1),
    ],
)
def test_integers_are_in_their_shortest_form_and_not_negative(contents, number):
    value = bytes.fromhex(contents)
    assert unsigned(value, len(value)) == number


@pytest.mark.parametrize("contents", ["", "00", "01", "fe", "ffff"])
def test_only_one_encoding_is_true(contents):
    value = bytes.fromhex(contents)
    assert true(b"\xff", 1)
    assert not true(value, len(value))


@pytest.mark.parametrize(
    ("contents", "bits"),
    [
        ("0780", 0x8000),
        ("0001", 0x0100),
        ("0206", -1),
        ("0106", 0x0600),
        ("070080", 0x0080),
        ("00", 0),
        ("", -1),
        ("01", -1),
        ("0880", -1),
        ("0781", -1),
        ("0680", -1),
        ("0000", -1),
        ("008000", -1),
    ],
)
def test_named_bits_have_no_trailing_zeros_and_no_unused_ones(contents, bits):
    value = bytes.fromhex(contents)
    assert named_bits(value, len(value)) == bits
