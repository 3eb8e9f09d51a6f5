"""A server's pre-shared keys: which one it takes, which binder it believes (§4.2.11)."""

import hashlib
import hmac
import subprocess
import sys
from pathlib import Path

import pytest
from client_messages import ClientHello, codes
from server_messages import P256, X25519, plain_record, vector
from traffic_keys import expand_label

import tlscore
from tlscore.errors import UsageError

KEY = bytes(range(32))
OTHER = bytes(range(100, 148))
KEYS = {b"first": (KEY, 32), b"second": (OTHER, 48), b"third": (KEY[::-1], 32)}
ILLEGAL_PARAMETER, DECODE_ERROR, DECRYPT_ERROR, MISSING_EXTENSION = 47, 50, 51, 109
HANDSHAKE_FAILURE = 40
ONLY = {"certificates": (), "private_key": None}


def offered(identities, binders):
    content = b"".join(vector(2, name) + age.to_bytes(4, "big") for name, age in identities)
    return vector(2, content) + vector(2, b"".join(vector(1, binder) for binder in binders))


def binder(key, partial, label=b"ext binder", hash_="sha256"):
    size = hashlib.new(hash_).digest_size
    early = hmac.digest(bytes(size), key, hash_)
    secret = expand_label(hash_, early, label, hashlib.new(hash_).digest(), size)
    finished_key = expand_label(hash_, secret, b"finished", b"", size)
    return hmac.digest(finished_key, hashlib.new(hash_, partial).digest(), hash_)


def with_keys(names, hello=None, before=b"", change=lambda binders: None):
    """Return a ClientHello that offers keys of KEYS by name, with right binders unless changed."""
    hello = ClientHello() if hello is None else hello
    keys = [KEYS.get(name, (KEY, 32)) for name in names]
    identities = [(name, 0) for name in names]
    hello.put(41, offered(identities, [bytes(size) for _, size in keys]))
    partial = hello.encode()[: -2 - sum(1 + size for _, size in keys)]
    binders = [
        binder(key, before + partial, hash_={32: "sha256", 48: "sha384"}[size])
        for key, size in keys
    ]
    change(binders)
    return hello.put(41, offered(identities, binders))


def plain(*without):
    """Return a ClientHello without some extensions."""
    hello = ClientHello()
    for kind in without:
        hello.put(kind, None)
    return hello


def refusal_of(one, hello):
    return one.refusal(plain_record(22, hello.encode(), 0x0301))


@pytest.fixture
def keyed(bench):
    """Return a maker of benches whose server knows KEYS."""

    def make(**changes):
        return bench(**{"psk": KEYS.get, **changes})

    return make


@pytest.fixture
def keyed_loopback(loopback):
    """Return a maker of our client and our server that share keys."""

    def make(names=(b"first",), client=None, **server):
        psks = tuple((name, *KEYS[name]) for name in names)
        return loopback(client={"psks": psks, **(client or {})}, **{"psk": KEYS.get, **server})

    return make


# --- what completes


@pytest.mark.parametrize("only", [False, True])
@pytest.mark.parametrize(
    ("name", "suite"), [(b"first", 0x1301), (b"second", 0x1302), (b"third", 0x1303)]
)
@pytest.mark.parametrize(("modes", "group"), [((1,), X25519), ((0,), None), ((0, 1), None)])
def test_client_and_server_connect_by_a_key(keyed_loopback, only, name, suite, modes, group):
    client = {"psk_modes": modes, "suites": (suite,), **({"trust": None} if only else {})}
    both = keyed_loopback((name,), client, psk_modes=modes, **(ONLY if only else {})).connect()
    assert both.client.psk_identity == both.server.psk_identity == name
    assert not both.client.resumed
    assert not both.server.resumed
    assert both.client.suite == both.server.suite == suite
    assert both.client.group == both.server.group == group
    assert both.server.signature_scheme is None
    assert both.client.export(b"x", b"", 32) == both.server.export(b"x", b"", 32)
    both.client.write(b"ping")
    both.server.write(b"pong")
    assert both.carry() == (b"pong", b"ping")


@pytest.mark.parametrize("only", [False, True])
def test_the_binder_is_checked_after_a_retry(keyed_loopback, only):
    client = {"groups": (X25519, P256), **({"trust": None} if only else {})}
    both = keyed_loopback(client=client, groups=(P256,), **(ONLY if only else {})).connect()
    assert both.server.retried
    assert both.client.psk_identity == both.server.psk_identity == b"first"


def test_a_retry_with_cookie_and_key_connects(keyed_loopback):
    both = keyed_loopback(groups=(P256,), cookie_key=bytes(32)).connect()
    assert both.server.psk_identity == b"first"


def test_the_first_key_that_is_known_is_taken(keyed_loopback):
    names = (b"second", b"third", b"first")
    both = keyed_loopback(names, psk={b"third": KEYS[b"third"], b"first": KEYS[b"first"]}.get)
    assert both.connect().server.psk_identity == both.client.psk_identity == b"third"


def test_a_suite_is_chosen_that_goes_with_the_key(keyed_loopback):
    # 0x1301 is wanted more, but the key is for SHA-384.
    both = keyed_loopback((b"second",)).connect()
    assert (both.server.suite, both.server.psk_identity) == (0x1302, b"second")


def test_a_key_without_a_suite_in_common_is_passed_over(keyed_loopback):
    both = keyed_loopback((b"second", b"first"), suites=(0x1301,)).connect()
    assert both.server.psk_identity == b"first"


@pytest.mark.parametrize(
    "server",
    [
        {"psk": {}.get},
        {"psk": None},
        {"psk_modes": (0,)},
        {"psk": {b"first": (OTHER, 48)}.get, "suites": (0x1301,)},
    ],
    ids=["unknown", "no keys", "mode", "hash"],
)
def test_without_an_acceptable_key_certificates_are_used(keyed_loopback, server):
    # RFC 8446 §4.2.11: "the server SHOULD perform a non-PSK handshake if possible".
    both = keyed_loopback(**server).connect()
    assert both.client.psk_identity is both.server.psk_identity is None
    assert both.client.signatures_verified == 2


def test_a_server_that_asks_for_certificates_does_not_where_it_takes_a_key(
    keyed_loopback, identity, client_config
):
    config = client_config()
    both = keyed_loopback(clock=config.clock, trust=config.trust).connect()
    assert both.server.psk_identity == b"first"
    assert both.server.client_key is None


def test_alpn_names_and_record_sizes_are_negotiated_as_ever(keyed_loopback):
    client = {"alpn": (b"h2",), "record_buffer_bytes": 1024}
    both = keyed_loopback(client=client, alpn=(b"h2",), server_names=(b"server.example",))
    assert both.connect().client.alpn == b"h2"


@pytest.mark.parametrize("piece_bytes", [1, 7, 100])
def test_any_split_connects(keyed_loopback, piece_bytes):
    both = keyed_loopback()
    both.carry(piece_bytes)
    assert both.server.psk_identity == b"first"


def test_only_the_first_few_identities_are_looked_at(keyed):
    looked_at = []
    names = [b"unknown %d" % number for number in range(8)] + [b"first"]
    one = keyed(psk=lambda name: looked_at.append(name) or KEYS.get(name))
    one.hello(with_keys(names))
    assert looked_at == names[:8]
    assert one.server.psk_identity is None


def test_early_data_with_a_key_is_refused_and_skipped(keyed):
    one = keyed().hello(with_keys([b"first"], ClientHello().put(42, b"")))
    assert one.server.psk_identity == b"first"
    one.tell(plain_record(23, bytes(100)))
    one.send(one.finished())
    assert one.server.state == 12


# --- binders


@pytest.mark.parametrize("only", [False, True])
@pytest.mark.parametrize("index", [0, 1])
def test_a_wrong_binder_of_the_key_taken_is_refused(keyed, index, only):
    def flip(binders):
        binders[index] = binders[index][:-1] + bytes([binders[index][-1] ^ 1])

    names = [b"unknown", b"first"] if index else [b"first", b"third"]
    one = keyed(**(ONLY if only else {}))
    refusal = refusal_of(one, with_keys(names, change=flip))
    assert refusal == ("client_hello.wrong_binder", DECRYPT_ERROR)


def test_the_binder_of_a_key_not_taken_is_not_looked_at(keyed):
    def spoil(binders):
        binders[1] = bytes(32)

    one = keyed().hello(with_keys([b"first", b"third"], change=spoil))
    assert one.server.psk_identity == b"first"


@pytest.mark.parametrize("size", [33, 48, 255])
def test_a_binder_of_another_size_is_wrong(keyed, size):
    def lengthen(binders):
        binders[0] = binders[0] + bytes(size - 32)

    hello = with_keys([b"first"], change=lengthen)
    assert refusal_of(keyed(), hello) == ("client_hello.wrong_binder", DECRYPT_ERROR)


def test_a_binder_with_the_label_of_tickets_is_wrong(keyed):
    hello = with_keys([b"first"])
    partial = hello.encode()[:-35]
    hello.put(41, offered([(b"first", 0)], [binder(KEY, partial, b"res binder")]))
    assert refusal_of(keyed(), hello) == ("client_hello.wrong_binder", DECRYPT_ERROR)


@pytest.mark.parametrize(
    "change",
    [
        lambda hello: setattr(hello, "random", bytes(32)),
        lambda hello: setattr(hello, "session_id", b""),
        lambda hello: setattr(hello, "suites", codes(0x1301)),
        lambda hello: hello.put(0, vector(2, b"\x00" + vector(2, b"other.example"))),
        lambda hello: hello.put(45, b"\x02\x01\x00"),
    ],
    ids=["random", "session id", "suites", "server name", "modes"],
)
def test_the_binder_covers_every_field(keyed, change):
    hello = with_keys([b"first"])
    change(hello)
    assert refusal_of(keyed(), hello) == ("client_hello.wrong_binder", DECRYPT_ERROR)


def test_the_obfuscated_age_is_covered_and_otherwise_ignored(keyed):
    hello = ClientHello().put(41, offered([(b"first", 77)], [bytes(32)]))
    right = binder(KEY, hello.encode()[:-35])
    one = keyed().hello(hello.put(41, offered([(b"first", 77)], [right])))
    assert one.server.psk_identity == b"first"
    wrong = ClientHello().put(41, offered([(b"first", 78)], [right]))
    assert refusal_of(keyed(), wrong) == ("client_hello.wrong_binder", DECRYPT_ERROR)


def after_retry(keyed, second, **changes):
    """Lead a server through a HelloRetryRequest; `second` makes the ClientHello that follows."""
    one = keyed(**changes)
    first = with_keys([b"first"], ClientHello().put(51, vector(2, b"")))
    one.hello(first)
    assert one.server.retried
    digest = hashlib.sha256(first.encode()).digest()
    return one, second(b"\xfe\x00\x00\x20" + digest + one.flight[0])


def test_a_binder_after_a_retry_covers_what_was_said_before(keyed):
    one, hello = after_retry(keyed, lambda before: with_keys([b"first"], before=before))
    one.hello(hello)
    assert one.server.psk_identity == b"first"


@pytest.mark.parametrize("only", [False, True])
def test_a_binder_after_a_retry_of_the_second_hello_alone_is_wrong(keyed, only):
    changes = ONLY if only else {}
    one, hello = after_retry(keyed, lambda _before: with_keys([b"first"]), **changes)
    refusal = one.refusal(plain_record(22, hello.encode()))
    assert refusal == ("client_hello.wrong_binder", DECRYPT_ERROR)


def test_keys_may_be_gone_after_a_retry(keyed):
    # RFC 8446 §4.1.2: "optionally removing any PSKs"
    one, hello = after_retry(keyed, lambda _before: ClientHello())
    one.hello(hello)
    assert one.server.psk_identity is None
    assert one.server.signature_scheme == 0x0403


# --- what is refused without telling what was wrong


def test_a_server_with_keys_alone_does_not_tell_unknown_from_wrong(keyed):
    # RFC 8446 §6.2: decrypt_error "to merely indicate an invalid PSK identity"; appendix E.6.
    unknown = refusal_of(keyed(**ONLY), with_keys([b"unknown"]))
    assert unknown == ("client_hello.unknown_psk", DECRYPT_ERROR)


def test_a_client_that_can_do_without_certificates_only_is_told_the_same(keyed):
    hello = with_keys([b"unknown"], plain(13))
    assert refusal_of(keyed(), hello) == ("client_hello.unknown_psk", DECRYPT_ERROR)


def test_a_server_with_keys_alone_refuses_a_client_without(keyed):
    assert refusal_of(keyed(**ONLY), plain()) == ("client_hello.psk_required", HANDSHAKE_FAILURE)


def test_a_server_without_keys_needs_signature_algorithms(keyed):
    hello = with_keys([b"first"], plain(13))
    assert refusal_of(keyed(psk=None), hello)[1] == MISSING_EXTENSION


def test_a_client_with_keys_alone_that_are_known_needs_no_groups(keyed):
    hello = with_keys([b"first"], plain(10, 13, 51).put(45, b"\x01\x00"))
    one = keyed(psk_modes=(1, 0)).hello(hello)
    assert one.server.group is None
    one.send(one.finished())
    assert one.server.psk_identity == b"first"


# --- form


@pytest.mark.parametrize("psk", [KEYS.get, None])
@pytest.mark.parametrize(
    ("content", "refusal"),
    [
        (offered([(b"a", 0), (b"b", 0)], [bytes(32)]), ("binder_count", ILLEGAL_PARAMETER)),
        (offered([(b"a", 0)], [bytes(32)] * 2), ("binder_count", ILLEGAL_PARAMETER)),
        (offered([(b"a", 0)], []), ("bad_length", DECODE_ERROR)),
        (offered([], [bytes(32)]), ("bad_length", DECODE_ERROR)),
        (offered([(b"", 0)], [bytes(32)]), ("bad_length", DECODE_ERROR)),
        (offered([(b"a", 0)], [bytes(31)]), ("bad_length", DECODE_ERROR)),
        (offered([(b"ab", 0)], [bytes(31), b"\x00"]), ("bad_length", DECODE_ERROR)),
        (offered([(b"a", 0)], [bytes(32)]) + b"\x00", ("trailing_data", DECODE_ERROR)),
        (offered([(b"a", 0)], [bytes(32)])[:-1], ("truncated", DECODE_ERROR)),
        (
            vector(2, b"\x00\x04abcd\x00\x00\x00") + vector(2, bytes(33)),
            ("truncated", DECODE_ERROR),
        ),
        (b"", ("truncated", DECODE_ERROR)),
    ],
)
def test_malformed_keys_are_refused_by_every_server(keyed, psk, content, refusal):
    reason, alert = refusal_of(keyed(psk=psk), ClientHello().put(41, content))
    assert (reason, alert) == ("client_hello." + refusal[0], refusal[1])


def test_keys_that_are_not_last_are_refused(keyed):
    hello = with_keys([b"first"]).put(0x1A1A, b"")
    refusal = refusal_of(keyed(), hello)
    assert refusal == ("client_hello.pre_shared_key_not_last", ILLEGAL_PARAMETER)


def test_keys_without_modes_are_refused(keyed):
    refusal = refusal_of(keyed(), with_keys([b"first"], plain(45)))
    assert refusal == ("client_hello.missing_extension", MISSING_EXTENSION)


@pytest.mark.parametrize("content", [b"", b"\x00", b"\x01", b"\x01\x01\x00"])
def test_malformed_modes_are_refused(keyed, content):
    reason, alert = refusal_of(keyed(), with_keys([b"first"], ClientHello().put(45, content)))
    assert (reason.split(".")[0], alert) == ("client_hello", DECODE_ERROR)


def test_unknown_modes_are_ignored(keyed):
    hello = with_keys([b"first"], ClientHello().put(45, b"\x03\x77\x01\xff"))
    assert keyed().hello(hello).server.psk_identity == b"first"


# --- what is configured


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"psk_modes": ()}, "psk_modes"),
        ({"psk_modes": (2,)}, "psk_modes"),
        ({**ONLY, "psk": None}, "no_certificate"),
        ({"private_key": None}, "private_key"),
    ],
)
def test_what_cannot_work_is_refused(server_config, changes, reason):
    with pytest.raises(UsageError) as caught:
        server_config(**{"psk": KEYS.get, **changes})
    assert caught.value.reason == "config." + reason


def test_a_server_with_keys_alone_cannot_ask_for_certificates(server_config, client_config):
    config = client_config()
    with pytest.raises(UsageError, match=r"config\.no_certificate"):
        server_config(psk=KEYS.get, clock=config.clock, trust=config.trust, **ONLY)


def test_a_key_that_cannot_be_one_ends_with_internal_error(keyed):
    one = keyed(psk={b"first": (b"short", 32)}.get)
    with pytest.raises(UsageError, match=r"config\.psk_key"):
        one.tell(plain_record(22, with_keys([b"first"]).encode()))
    one.listen()
    assert one.alerts == [(2, 80)]


LOADED = """
import sys
from tlscore.server import ServerConnection
from tlscore.server_config import ServerConfig
from tlscore.entropy import SystemEntropy
keys = {b"first": (bytes(32), 32)}
server = ServerConnection(ServerConfig(SystemEntropy(), psk=keys.get))
server.receive(bytes.fromhex(HELLO))
assert server.psk_identity == b"first", server.state
print(*sorted(name[8:] for name in sys.modules if name.startswith("tlscore.")))
"""


def test_a_server_with_keys_alone_loads_nothing_of_certificates(monkeypatch):
    monkeypatch.setitem(KEYS, b"first", (bytes(32), 32))
    hello = plain_record(22, with_keys([b"first"]).encode())
    code = "import sys; sys.path.insert(0, {!r})\n".format(str(Path(tlscore.__file__).parents[1]))
    code += LOADED.replace("HELLO", repr(hello.hex()))
    result = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True
    )
    modules = set(result.stdout.split())
    assert not {"certificate_verify", "certificate_sender", "message_streams"} & modules
    assert not {"crypto.signature", "tickets", "ticket_sender", "client", "session"} & modules
    assert not {name for name in modules if name.startswith("x509.")}
