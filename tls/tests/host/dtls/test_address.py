"""The canonical bytes of socket addresses, and the cookies bound to them."""

import pytest

from tlscore.dtls import cookie
from tlscore.dtls.address import canonical
from tlscore.errors import UsageError

KEY = bytes(range(32))


@pytest.mark.parametrize(
    "peers",
    [
        (("192.0.2.1", 5684), ("::ffff:192.0.2.1", 5684, 0, 0), ("::ffff:c000:201", 5684, 0, 0)),
        (("2001:db8::1", 1, 0, 0), ("2001:0DB8:0:0:0:0:0:1", 1), ("2001:db8:0::0:1", 1, 7, 0)),
        (("::", 1, 0, 0), ("0:0:0:0:0:0:0:0", 1, 0, 0)),
    ],
)
def test_one_address_has_one_form(peers):
    assert len({canonical(peer) for peer in peers}) == 1


def test_different_addresses_have_different_forms():
    peers = [
        ("192.0.2.1", 1),
        ("192.0.2.1", 256),
        ("192.0.2.2", 1),
        ("::1", 1, 0, 0),
        ("::1:0", 1, 0, 0),
        ("fe80::1", 1, 0, 2),
        ("fe80::1", 1, 0, 3),
        ("fe80::1", 1, 0, 0),
    ]
    assert len({canonical(peer) for peer in peers}) == len(peers)
    assert canonical(("192.0.2.1", 5684)) == b"\xc0\x00\x02\x01\x16\x34"
    assert canonical(b"as it is") == b"as it is"


@pytest.mark.parametrize(
    "host",
    ["192.0.2", "192.0.2.256", "example", "1::2:3:4:5:6:7:8:9", "1:2", "1:2:3:4:5:6:7:10000"],
)
def test_what_is_no_address_is_refused(host):
    with pytest.raises(UsageError, match=r"address\.malformed"):
        canonical((host, 1))


def hello(given, said=b"random and session id"):
    return cookie.FirstFragment(b"", said, given)


def test_a_cookie_is_good_for_its_address_and_hello_for_a_minute():
    made = cookie.make(KEY, b"address", b"random and session id", 1000)
    assert cookie.is_good(KEY, b"address", hello(made), 1000)
    assert cookie.is_good(KEY, b"address", hello(made), 60000 + 59000)
    assert not cookie.is_good(KEY, b"address", hello(made), 120000)
    assert not cookie.is_good(KEY, b"another", hello(made), 1000)
    assert not cookie.is_good(KEY, b"address", hello(made, b"another hello"), 1000)
    assert not cookie.is_good(bytes(32), b"address", hello(made), 1000)
    assert not cookie.is_good(KEY, b"address", hello(made[:-1]), 1000)
    # Where one part ends and the next begins counts.
    assert not cookie.is_good(KEY, b"addres", hello(made, b"srandom and session id"), 1000)
