"""Reference names: addresses against the standard library, domain names by RFC 9525."""

import ipaddress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tlscore.errors import UsageError
from tlscore.x509.names import matches, parse_address, reference_name

# GeneralName alternatives by their context tag (RFC 5280 §4.2.1.6)
DNS = 2
ADDRESS = 7


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.ip_addresses(), st.text("0123456789abcdf:.", max_size=24)))
def test_addresses_are_read_as_the_standard_library_reads_them(text):
    try:
        expected = ipaddress.ip_address(str(text)).packed
    except ValueError:
        expected = None
    assert parse_address(str(text)) == expected


@pytest.mark.parametrize(
    "text",
    ["::", "::1", "1::", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "::ffff:1.2.3.4", "1::1.2.3.4"],
)
def test_every_place_of_the_gap_is_understood(text):
    assert parse_address(text) == ipaddress.ip_address(text).packed
    assert parse_address("[" + text + "]") == ipaddress.ip_address(text).packed


@pytest.mark.parametrize(
    "text", ["1:2", ":", ":::", "1::2::3", "1:2:3:4:5:6:7:8::", "::1.2.3", "1.2.3.4::", "01.2.3.4"]
)
def test_almost_addresses_are_none(text):
    assert parse_address(text) is None


@pytest.mark.parametrize(
    ("presented", "asked", "stands_for_it"),
    [
        (b"a.example", "A.Example.", True),
        (b"xn--4ca.example", "xn--4ca.example", True),
        (b"a_b.example", "a_b.example", True),
        (b"localhost", "localhost", True),
        (b"*.b.example", "a.b.example", True),
        (b"*.b.example", "b.example", False),
        (b"*.b.example", "c.a.b.example", False),
        (b"*.example", "a.example", False),
        (b"*", "localhost", False),
        (b"*.", "localhost", False),
        (b"*.*.example", "a.b.example", False),
        (b".a.example", "a.example", False),
        (b"a.example.", "a.example", False),
        (b"a.example\x00.b", "a.example", False),
        (b"", "a.example", False),
    ],
)
def test_a_wildcard_is_the_left_most_label_and_nothing_else(presented, asked, stands_for_it):
    assert matches(reference_name(asked), DNS, presented) is stands_for_it


def test_an_address_is_never_compared_with_domain_names():
    reference = reference_name("192.0.2.1")
    assert matches(reference, ADDRESS, b"\xc0\x00\x02\x01")
    assert not matches(reference, ADDRESS, b"\xc0\x00\x02\x02")
    assert not matches(reference, DNS, b"192.0.2.1")
    assert not matches(reference, DNS, b"\xc0\x00\x02\x01")
    assert not matches(reference_name("a.example"), ADDRESS, b"a.example")


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "a..b",
        ".a",
        "a b",
        "a/b",
        "*.a.example",
        "-a.example",
        "a-.example",
        "x" * 64 + ".example",
        ".".join(["x" * 49] * 6),
        "10.0.0.256",
        "\u00e4.example",
    ],
)
def test_what_is_no_name_is_refused(text):
    with pytest.raises(UsageError) as refused:
        reference_name(text)
    assert refused.value.reason == "certificate.server_name"
