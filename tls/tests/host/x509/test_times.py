"""Times of certificates as Unix time, against the standard library's calendar."""

import calendar
import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tlscore.x509.times import parse_time, unix_seconds

MOMENTS = st.datetimes(datetime.datetime(1950, 1, 1), datetime.datetime(9999, 12, 31, 23, 59, 59))


def parse(text):
    return parse_time(text.encode(), len(text))


@settings(max_examples=200, deadline=None)
@given(MOMENTS)
def test_every_second_from_1950_to_9999_is_the_calendars(moment):
    expected = calendar.timegm(moment.timetuple())
    parts = (moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second)
    assert unix_seconds(*parts) == expected
    digits = "{:04d}{:02d}{:02d}{:02d}{:02d}{:02d}Z".format(*parts)
    assert parse(digits[2:] if moment.year < 2050 else digits) == expected


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("500101000000Z", -631152000),
        ("700101000000Z", 0),
        ("991231235959Z", 946684799),
        ("000229000000Z", 951782400),
        ("380119031408Z", 1 << 31),
        ("491231235959Z", 2524607999),
        ("20500101000000Z", 2524608000),
        ("21060207062816Z", 1 << 32),
        ("99991231235959Z", 253402300799),
    ],
)
def test_the_two_forms_meet_at_2050(text, seconds):
    assert parse(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Z",
        "2501010000Z",
        "250101000000",
        "250101000000z",
        "250101000000+",
        "2501010000+0100",
        "20250101000000Z",
        "19500101000000Z",
        "20491231235959Z",
        "20500101000000.0Z",
        "20500101000000",
        "250001000000Z",
        "251301000000Z",
        "250100000000Z",
        "250132000000Z",
        "250431000000Z",
        "250229000000Z",
        "21000229000000Z",
        "250101240000Z",
        "250101006000Z",
        "250101000060Z",
        "2501010000 0Z",
        "-50101000000Z",
    ],
)
def test_no_other_form_is_a_time(text):
    assert parse(text) is None


def test_only_the_bytes_counted_are_read():
    assert parse_time(b"250101000000Z####", 13) == 1735689600
