"""The cookie of our HelloRetryRequest (RFC 8446 §4.2.2)."""

import hashlib
import hmac

import pytest
from client_messages import ClientHello, codes
from server_messages import vector

from tlscore import retry_cookie
from tlscore.errors import UsageError

ILLEGAL = 47
KEY = bytes(range(32))
PREFIX = b"tlscore HelloRetryRequest cookie"


def without_share(suite=0x1301):
    return ClientHello(suites=codes(suite)).put(51, vector(2, b""))


def cookie_of(retry):
    """Return the cookie in a HelloRetryRequest, None if it has none."""
    # Header, version, random, session id, suite, compression, length of the block.
    block = retry[4 + 2 + 32 + 1 + retry[38] + 2 + 1 + 2 :]
    while block:
        kind, size = int.from_bytes(block[:2], "big"), int.from_bytes(block[2:4], "big")
        if kind == 44:
            content = block[4 : 4 + size]
            assert content[:2] == (len(content) - 2).to_bytes(2, "big")
            return content[2:]
        block = block[4 + size :]
    return None


def after_retry(bench, **config):
    one = bench(cookie_key=KEY, **config).hello(without_share())
    assert one.server.retried
    return one, cookie_of(one.flight[0])


@pytest.mark.parametrize(("suite", "hash_"), [(0x1301, hashlib.sha256), (0x1302, hashlib.sha384)])
def test_the_cookie_is_the_hash_of_the_hello_under_the_key(bench, suite, hash_):
    hello = without_share(suite)
    one = bench(cookie_key=KEY, suites=(suite,)).hello(hello)
    said = suite.to_bytes(2, "big") + b"\x00\x1d" + hash_(hello.encode()).digest()
    assert cookie_of(one.flight[0]) == said + hmac.digest(KEY, PREFIX + said, "sha256")


def test_without_a_key_there_is_no_cookie(bench):
    one = bench().hello(without_share())
    assert cookie_of(one.flight[0]) is None


def test_a_cookie_that_comes_back_is_accepted(bench):
    one, cookie = after_retry(bench)
    one.hello(ClientHello(suites=codes(0x1301)).put(44, vector(2, cookie)))
    assert [flight[0] for flight in one.flight] == [2, 2, 8, 11, 15, 20]


def test_a_wrong_or_missing_cookie_is_refused(bench):
    _, cookie = after_retry(bench)
    wrong = [cookie[:-1], cookie + b"\x00", bytes(len(cookie))]
    wrong += [cookie[:at] + bytes([cookie[at] ^ 1]) + cookie[at + 1 :] for at in (0, 3, 5, -1 + 68)]
    for content in [None, *[vector(2, other) for other in wrong]]:
        one, _ = after_retry(bench)
        hello = ClientHello(suites=codes(0x1301)).put(44, content)
        assert one.refusal_of(hello.encode()) == ("client_hello.wrong_cookie", ILLEGAL)


def test_a_cookie_of_another_connection_is_refused(bench):
    _, cookie = after_retry(bench)
    one = bench(cookie_key=KEY).hello(ClientHello(random=bytes(32)).put(51, vector(2, b"")))
    hello = ClientHello(random=bytes(32)).put(44, vector(2, cookie))
    assert one.refusal_of(hello.encode()) == ("client_hello.wrong_cookie", ILLEGAL)


def test_a_first_hello_may_not_have_a_cookie_even_one_of_ours(bench):
    # §4.2.2: "Clients MUST NOT use cookies in their initial ClientHello in subsequent connections."
    _, cookie = after_retry(bench)
    hello = ClientHello().put(44, vector(2, cookie))
    refused = bench(cookie_key=KEY).refusal_of(hello.encode())
    assert refused == ("client_hello.unsolicited_cookie", ILLEGAL)


@pytest.mark.parametrize("suite", [0x1301, 0x1302])
def test_our_client_returns_it(loopback, suite):
    client = {"groups": (0x001D, 0x0017), "suites": (suite,), "send_buffer_bytes": 1200}
    both = loopback(client=client, groups=(0x0017,), cookie_key=KEY).connect()
    assert both.server.retried
    assert both.client.export(b"x", b"", 32) == both.server.export(b"x", b"", 32)


def test_keys_suites_and_groups_make_different_cookies():
    usual = (KEY, 0x1301, 0x001D, bytes(32))
    others = [(bytes(32), *usual[1:]), (KEY, 0x1303, *usual[2:]), (*usual[:2], 0x0017, usual[3])]
    assert len({retry_cookie.make(*values) for values in [usual, *others]}) == 4


def test_a_key_that_could_be_guessed_is_refused(server_config):
    with pytest.raises(UsageError, match=r"config\.cookie_key"):
        server_config(cookie_key=bytes(31))
