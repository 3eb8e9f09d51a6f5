"""The two forms of time in a certificate, as Unix time (RFC 5280 §4.1.2.5).

Integers throughout, from 1950 to the end of 9999: MicroPython's grow past 31 bits by themselves.
"""

# Days before each month in a year that begins in March, so that the leap day comes last.
_DAYS_BEFORE_MONTH = (306, 337, 0, 31, 61, 92, 122, 153, 184, 214, 245, 275)
_DAYS_IN_MONTH = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)

# Days from 0000-03-01 to 1970-01-01 in the Gregorian calendar.
_DAYS_TO_1970 = 719468


def unix_seconds(year: int, month: int, day: int, hour: int, minute: int, second: int) -> int:
    """Return the Unix time of a UTC date and time, leap seconds not counted."""
    march_year = year if month > 2 else year - 1
    days = (
        march_year * 365
        + march_year // 4
        - march_year // 100
        + march_year // 400
        + _DAYS_BEFORE_MONTH[month - 1]
        + day
        - 1
        - _DAYS_TO_1970
    )
    return ((days * 24 + hour) * 60 + minute) * 60 + second


def parse_time(value, count: int):
    """Read `value[:count]`, the contents of a UTCTime (13 bytes) or GeneralizedTime (15).

    Only the forms YYMMDDHHMMSSZ and YYYYMMDDHHMMSSZ exist (RFC 5280 §4.1.2.5.1, §4.1.2.5.2);
    which of the two may be used is the year's to say: dates up to 2049 MUST be UTCTime.

    Returns:
        Unix time, or None when it is no such time.
    """
    if count not in (13, 15) or value[count - 1] != 0x5A:
        return None
    for index in range(count - 1):
        if not 0x30 <= value[index] <= 0x39:
            return None
    if count == 13:
        year = _two_digits(value, 0)
        year += 1900 if year >= 50 else 2000
    else:
        year = _two_digits(value, 0) * 100 + _two_digits(value, 2)
        if year < 2050:
            return None
    start = count - 11
    month = _two_digits(value, start)
    day = _two_digits(value, start + 2)
    hour = _two_digits(value, start + 4)
    minute = _two_digits(value, start + 6)
    second = _two_digits(value, start + 8)
    if not 1 <= month <= 12 or not 1 <= day <= _DAYS_IN_MONTH[month - 1]:
        return None
    if month == 2 and day == 29 and (year % 4 or (year % 100 == 0 and year % 400)):
        return None
    if hour > 23 or minute > 59 or second > 59:
        return None
    return unix_seconds(year, month, day, hour, minute, second)


def _two_digits(value, start):
    return (value[start] - 0x30) * 10 + value[start + 1] - 0x30
