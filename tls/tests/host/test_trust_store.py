"""The trust store in a file: what is found in it, and that a damaged one is refused."""

import io
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tlscore.errors import UsageError
from tlscore.trust_store import HEADER_BYTES, MAGIC, TrustStore, encode


def rows(count):
    """Return anchors with distinct names; every third has limits."""
    made = []
    for number in range(count):
        key = (1, number.to_bytes(2, "big") + bytes(63))
        made.append((bytes([number * 7 % 256]) * 32, key + ((b"\x30\x00",) if number % 3 else ())))
    return made


@pytest.fixture(params=["bytes", "memoryview", "file"])
def opened(request):
    """Function that opens an encoded store in each way there is."""
    return {
        "bytes": TrustStore,
        "memoryview": lambda data: TrustStore(memoryview(data)),
        "file": lambda data: TrustStore(io.BytesIO(data)),
    }[request.param]


def reason(data, opened=TrustStore):
    with pytest.raises(UsageError) as refused:
        opened(data)
    return refused.value.reason


@pytest.mark.parametrize("count", [1, 2, 3, 150])
def test_every_anchor_is_found_by_its_name(opened, count):
    store = opened(encode(rows(count)))
    assert store.count == count
    for name_hash, key in rows(count):
        assert store.anchors(name_hash) == [key]


def test_names_that_are_not_in_the_store_have_no_anchors(opened):
    store = opened(encode(rows(20)))
    for missing in (bytes(31) + b"\x01", b"\xff" * 32, b"\x07" * 31 + b"\x08"):
        assert store.anchors(missing) == []


def test_all_anchors_of_one_name_are_found(opened):
    name_hash = b"n" * 32
    keys = [(1, bytes([number]) * 65) for number in range(4)]
    others = [(b"m" * 32, keys[0]), (b"o" * 32, keys[1])]
    store = opened(encode([(name_hash, key) for key in keys] + others))
    assert store.anchors(name_hash) == keys


def test_the_same_anchor_twice_is_kept_once():
    assert TrustStore(encode(rows(3) * 2)).count == 3


def test_rows_are_listed_in_order(opened):
    store = opened(encode(rows(9)))
    assert [store.row(number) for number in range(9)] == sorted(rows(9))


def test_equal_anchors_make_equal_files_whatever_their_order():
    assert encode(rows(9)) == encode(reversed(rows(9)))


def test_a_file_cut_off_anywhere_is_refused():
    data = encode(rows(3))
    for size in range(1, len(data)):
        assert reason(data[:size]) == "trust_store.truncated"


def test_a_change_of_any_byte_is_refused():
    data = bytearray(encode(rows(3)))
    for place in range(len(data)):
        data[place] ^= 0x40
        assert reason(bytes(data)).startswith("trust_store.")
        data[place] ^= 0x40
    assert TrustStore(bytes(data)).count == 3


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.sampled_from([b"", MAGIC, MAGIC + b"\0\1\0\1\0\0\0\x80"]))
def test_bytes_of_any_kind_are_refused(data, beginning):
    assert reason(beginning + data).startswith("trust_store.")


def test_bytes_after_the_end_are_refused(opened):
    assert reason(encode(rows(3)) + b"\0", opened) == "trust_store.corrupt"


@pytest.mark.parametrize("data", [b"", b"-----BEGIN CERTIFICATE-----" * 9, bytes(200)])
def test_something_else_is_not_taken_for_a_store(opened, data):
    assert reason(data, opened) == "trust_store.not_a_store"


def test_another_version_is_refused():
    data = bytearray(encode(rows(1)))
    data[9] = 2
    assert reason(bytes(data)) == "trust_store.version"


def test_a_store_without_anchors_is_refused():
    assert reason(encode([])) == "trust_store.empty"


def test_more_anchors_than_the_format_can_count_are_refused():
    many = [(number.to_bytes(32, "big"), (1, b"")) for number in range(65536)]
    with pytest.raises(UsageError) as refused:
        encode(many)
    assert refused.value.reason == "trust_store.too_many"


def test_a_file_that_shrinks_after_it_was_opened_is_refused():
    file = io.BytesIO(encode(rows(3)))
    store = TrustStore(file)
    file.truncate(HEADER_BYTES + 10)
    with pytest.raises(UsageError) as refused:
        store.anchors(bytes(32))
    assert refused.value.reason == "trust_store.corrupt"


def test_looking_up_one_of_150_anchors_takes_less_than_a_kilobyte(tmp_path):
    path = tmp_path / "trust.bin"
    path.write_bytes(encode(rows(150)))
    with open(path, "rb", buffering=0) as file:
        tracemalloc.start()
        try:
            store = TrustStore(file)
            assert store.anchors(b"\x07" * 32)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < 1500, "CPython's objects are larger than a board's"
