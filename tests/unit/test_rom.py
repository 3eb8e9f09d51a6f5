"""The tool that places modules in flash: tables that py/map.c finds its way in, and C names."""

import sys
from types import ModuleType, SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil import paths


@pytest.fixture(scope="module")
def rom():
    sys.path.insert(0, str(paths.images_dir() / "common"))
    try:
        from rom import c_names, layout, values, writer

        return SimpleNamespace(c_names=c_names, layout=layout, values=values, writer=writer)
    finally:
        sys.path.pop(0)


def looked_up(table, key, start):
    """Find a key as py/map.c does; return the slot, or None at an empty slot or after a round."""
    position = start % len(table)
    for _ in table:
        if table[position] is None:
            return None
        if table[position] == key:
            return position
        position = (position + 1) % len(table)
    return None


@given(hashes=st.dictionaries(st.text(max_size=8), st.integers(1, 0xFFFF), min_size=1))
def test_every_key_is_found_and_no_other(rom, hashes):
    table = rom.layout.slots(hashes)
    assert {key for key in table if key is not None} == set(hashes)
    for key, start in hashes.items():
        assert table[looked_up(table, key, start)] == key
    assert None in table  # a key that is not there is soon recognised
    assert looked_up(table, "not there, nine", 77) is None


def test_an_empty_dictionary_has_no_table(rom):
    assert rom.layout.slots({}) == []


def test_a_layout_is_the_same_each_time_and_keeps_close_to_its_size(rom):
    hashes = {f"name{number}": number * 7919 % 65521 for number in range(60)}
    table = rom.layout.slots(hashes)
    assert table == rom.layout.slots(dict(reversed(hashes.items())))
    assert len(table) <= 60 * 7 / 6 + 1


@pytest.fixture
def writer(rom):
    names = SimpleNamespace(
        is_interned=lambda text: len(text) < 25,
        use=lambda text: f"MP_QSTR_{text}",
        hash_of=lambda text: len(text) or 1,
    )
    tool = ModuleType("tool")
    tool.config = SimpleNamespace(MPZ_DIG_SIZE=16)
    return rom.writer.Writer(tool, names, {"time": "mp_module_time"}, 4)


@pytest.mark.parametrize(
    ("value", "expression"),
    [
        (None, "MP_ROM_NONE"),
        (True, "MP_ROM_TRUE"),
        (-(1 << 30), "MP_ROM_INT(-1073741824)"),
        (1 << 30, "MP_ROM_PTR(&rom_m__n)"),
        ("name", "MP_ROM_QSTR(MP_QSTR_name)"),
        (b"", "MP_ROM_PTR(&mp_const_empty_bytes_obj)"),
        ((), "MP_ROM_PTR(&mp_const_empty_tuple_obj)"),
    ],
)
def test_values_have_their_expressions(writer, value, expression):
    assert writer.reference(value, "m", "n") == expression


def test_equal_constants_are_written_once_and_one_is_not_true(writer):
    first = writer.reference((1, b"ab", (1 << 40,)), "m", "first")
    assert writer.reference((1, b"ab", (1 << 40,)), "other", "second") == first
    assert writer.reference((True, b"ab", (1 << 40,)), "m", "third") != first
    assert sum("mp_obj_int_t" in text for text in writer.definitions) == 1
    assert set(writer.symbols.values()) == {"m"}


def test_what_is_in_c_is_referred_to_by_its_c_name_or_refused(writer, rom):
    time = rom.values.OtherModule("time", in_c=True)
    assert writer.reference(time, "m", "n") == "MP_ROM_PTR(&mp_module_time)"
    ticks = rom.values.OtherAttribute(time, "ticks_us")
    assert writer.reference(ticks, "m", "n") == "MP_ROM_PTR(&rom_mp_time_ticks_us_obj)"
    with pytest.raises(rom.values.PlacementError, match=r"in m: n: time\.nowhere cannot be"):
        writer.reference(rom.values.OtherAttribute(time, "nowhere"), "m", "n")


def test_exceptions_are_caught_by_their_bases(rom):
    assert rom.c_names.matches("ZeroDivisionError", "ArithmeticError")
    assert rom.c_names.matches("KeyError", "Exception")
    assert not rom.c_names.matches("KeyError", "ValueError")
