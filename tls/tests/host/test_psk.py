"""A client's external pre-shared keys: what is offered, what the server may take (§4.2.11)."""

import subprocess
import sys
from pathlib import Path

import pytest
from server_messages import P256, X25519, CertificateRequest, message, vector

import tlscore
from tlscore import states
from tlscore.client import ClientConnection
from tlscore.client_hello import bytes_max
from tlscore.errors import PeerMisbehaved, UsageError

KEY = bytes(range(32))
OTHER = bytes(range(100, 148))
KEYS = ((b"first", KEY, 32), (b"second", OTHER, 48), (b"third", KEY[::-1], 32))
ONLY = {"trust": None}
ILLEGAL_PARAMETER, MISSING_EXTENSION, UNSUPPORTED_EXTENSION = 47, 109, 110


@pytest.fixture
def psk_pair(pair):
    """Return a maker of pairs whose client has KEYS and whose server takes the first of them."""

    def make(config=None, psk=(0, KEY), **server):
        return pair(config={"psks": KEYS, **(config or {})}, psk=psk, **server)

    return make


def refusal_of_hello(both):
    both.client_speaks()
    return both.refusal_plain(both.server.server_hello())


# --- what is offered


def test_every_key_is_offered_in_order_with_a_right_binder(psk_pair):
    both = psk_pair()
    both.client_speaks()
    assert both.server.client_keys() == [
        (b"first", 0, both.server.binder(KEY, b"ext binder")),
        (b"second", 0, both.server.binder(OTHER, b"ext binder", "sha384")),
        (b"third", 0, both.server.binder(KEY[::-1], b"ext binder")),
    ]


def test_pre_shared_key_is_the_last_extension(psk_pair):
    both = psk_pair()
    both.client_speaks()
    extensions = both.server.client_hello()[3]
    assert list(extensions)[-1] == 41
    assert extensions[45] == b"\x01\x01", "psk_dhe_ke alone unless more is asked for"
    assert 42 not in extensions, "early data is never offered"


def test_without_keys_and_tickets_nothing_is_said_of_them(pair):
    both = pair()
    both.client_speaks()
    assert not {41, 42, 45} & set(both.server.client_hello()[3])


def test_a_client_that_wants_tickets_says_for_which_modes(pair):
    both = pair(config={"ticket_bytes_max": 1, "psk_modes": (1, 0)})
    both.client_speaks()
    assert both.server.client_hello()[3][45] == b"\x02\x01\x00"


def test_a_client_with_keys_alone_offers_nothing_of_certificates(psk_pair):
    both = psk_pair(config={**ONLY, "certificate_types": (2,)})
    both.client_speaks()
    assert not {13, 20, 50} & set(both.server.client_hello()[3])


def test_a_client_without_key_exchange_offers_no_groups(psk_pair):
    both = psk_pair(config={**ONLY, "psk_modes": (0,)})
    both.client_speaks()
    assert not {10, 51} & set(both.server.client_hello()[3])


@pytest.mark.parametrize(
    ("keys", "suites"),
    [(KEYS[:1], "130113031304"), (KEYS[1:2], "1302"), (KEYS, "1301130313021304")],
)
def test_a_client_with_keys_alone_offers_the_suites_of_their_hashes(pair, keys, suites):
    both = pair(config={**ONLY, "psks": keys})
    both.client_speaks()
    assert both.server.client_hello()[2] == bytes.fromhex(suites)


# --- what completes


@pytest.mark.parametrize("trust", [{}, ONLY])
@pytest.mark.parametrize(
    ("psk", "suite", "taken"),
    [
        ((0, KEY), 0x1301, b"first"),
        ((1, OTHER), 0x1302, b"second"),
        ((2, KEYS[2][1]), 0x1303, b"third"),
    ],
)
@pytest.mark.parametrize(("modes", "has_share"), [((1,), True), ((0,), False), ((1, 0), False)])
def test_the_server_may_take_any_key(psk_pair, trust, psk, suite, taken, modes, has_share):
    both = psk_pair({**trust, "psk_modes": modes}, psk=psk, suite=suite, has_share=has_share)
    both.connect()
    client = both.client
    assert (client.psk_identity, client.resumed, client.suite) == (taken, False, suite)
    assert client.group == (X25519 if has_share else None)
    assert (client.signature_scheme, client.signatures_verified) == (None, 0)
    assert client.export(b"EXPORTER-x", b"", 32) == both.server.exporter(b"EXPORTER-x", b"", 32)


def test_a_server_that_takes_no_key_proves_itself_by_certificate(psk_pair):
    both = psk_pair(psk=None).connect()
    assert (both.client.psk_identity, both.client.signatures_verified) == (None, 2)


def test_the_fallback_asks_for_our_certificate_as_ever(psk_pair):
    psk_pair(psk=None, request_certificate=True).connect()


@pytest.mark.parametrize(("trust", "taken"), [({}, True), ({}, False), (ONLY, True)])
@pytest.mark.parametrize(
    ("retry_group", "cookie"), [(P256, None), (None, b"crumb"), (P256, b"crumb")]
)
def test_binders_are_computed_anew_after_a_retry(psk_pair, trust, taken, retry_group, cookie):
    server = {"psk": (1, KEYS[2][1]) if taken else None}
    both = psk_pair(trust, retry_group=retry_group, cookie=cookie, **server)
    both.client_speaks()
    both.tell_plain(both.server.hello_retry_request())
    both.client_speaks()
    # RFC 8446 §4.1.2: keys of another hash than that of the suite chosen are gone.
    assert both.server.client_keys() == [
        (b"first", 0, both.server.binder(KEY, b"ext binder")),
        (b"third", 0, both.server.binder(KEYS[2][1], b"ext binder")),
    ]
    both.tell_plain(both.server.server_hello())
    both.finish_handshake()
    assert both.client.psk_identity == (b"third" if taken else None)


def test_a_retry_with_a_suite_for_none_of_the_keys_leaves_certificates(pair):
    both = pair(config={"psks": KEYS[1:2]}, suite=0x1301, retry_group=P256)
    both.client_speaks()
    both.tell_plain(both.server.hello_retry_request())
    both.client_speaks()
    assert 41 not in both.server.client_hello()[3]
    both.tell_plain(both.server.server_hello())
    both.finish_handshake()
    assert both.client.signatures_verified == 2


@pytest.mark.parametrize("alpn", [b"h2", None])
def test_alpn_and_record_sizes_are_negotiated_as_ever(psk_pair, alpn):
    both = psk_pair({"alpn": (b"h2",)}, alpn=alpn, record_size_limit=64).connect()
    assert both.client.alpn == alpn


# --- what is refused


@pytest.mark.parametrize("index", [3, 0xFFFF])
@pytest.mark.parametrize("trust", [{}, ONLY])
def test_a_key_that_was_not_offered_is_refused(psk_pair, index, trust):
    refusal = refusal_of_hello(psk_pair(trust, psk=(index, KEY)))
    assert refusal == ("server_hello.unoffered_psk", ILLEGAL_PARAMETER)


@pytest.mark.parametrize(("psk", "suite"), [((0, KEY), 0x1302), ((1, OTHER), 0x1301)])
def test_a_suite_with_another_hash_than_the_key_is_refused(psk_pair, psk, suite):
    refusal = refusal_of_hello(psk_pair(psk=psk, suite=suite))
    assert refusal == ("server_hello.psk_hash", ILLEGAL_PARAMETER)


@pytest.mark.parametrize(("modes", "has_share"), [((1,), False), ((0,), True)])
def test_a_mode_that_was_not_offered_is_refused(psk_pair, modes, has_share):
    refusal = refusal_of_hello(psk_pair({"psk_modes": modes}, has_share=has_share))
    assert refusal == ("server_hello.psk_mode", ILLEGAL_PARAMETER)


def test_a_share_for_a_client_that_sent_none_is_refused(psk_pair):
    def add_share(fields):
        fields.replace(51, b"\x00\x1d" + vector(2, bytes(32)))

    both = psk_pair({**ONLY, "psk_modes": (0,)}, has_share=False, edit={"server_hello": add_share})
    refusal = refusal_of_hello(both)
    assert refusal == ("server_hello.unsolicited_extension", UNSUPPORTED_EXTENSION)


@pytest.mark.parametrize("content", [b"", b"\x00", b"\x00\x00\x00"])
def test_a_selected_identity_of_another_size_is_refused(psk_pair, content):
    edit = {"server_hello": lambda fields: fields.replace(41, content)}
    reason, alert = refusal_of_hello(psk_pair(edit=edit))
    assert (reason.split(".")[0], alert) == ("server_hello", 50)


def test_pre_shared_key_that_nobody_asked_for_is_refused(pair):
    refusal = refusal_of_hello(pair(psk=(0, KEY)))
    assert refusal == ("server_hello.unsolicited_extension", UNSUPPORTED_EXTENSION)


def test_pre_shared_key_in_a_retry_is_refused(psk_pair):
    edit = {"hello_retry_request": lambda fields: fields.replace(41, b"\x00\x00")}
    both = psk_pair(retry_group=P256, edit=edit)
    both.client_speaks()
    refusal = both.refusal_plain(both.server.hello_retry_request())
    assert refusal == ("server_hello.misplaced_extension", ILLEGAL_PARAMETER)


def test_a_client_with_keys_alone_refuses_a_server_that_takes_none(psk_pair):
    refusal = refusal_of_hello(psk_pair(ONLY, psk=None))
    assert refusal == ("server_hello.no_pre_shared_key", MISSING_EXTENSION)


def test_neither_key_nor_share_is_refused(psk_pair):
    both = psk_pair(psk=None, has_share=False)
    assert refusal_of_hello(both) == ("server_hello.no_key_share", MISSING_EXTENSION)


def test_a_retry_that_leaves_a_client_with_keys_alone_none_is_refused(pair):
    both = pair(
        config={**ONLY, "psks": KEYS[1:2], "suites": (0x1301, 0x1302)},
        suite=0x1301,
        retry_group=P256,
    )
    both.client_speaks()
    refusal = both.refusal_plain(both.server.hello_retry_request())
    assert refusal == ("hello_retry_request.no_psk_left", ILLEGAL_PARAMETER)


def test_a_server_with_another_key_fails_at_its_first_record(psk_pair):
    both = psk_pair(psk=(0, OTHER))
    both.hello()
    flight = b"".join(both.server.flight())
    with pytest.raises(PeerMisbehaved, match=r"record\.bad_record_mac"):
        both.tell_protected(flight)


def test_a_server_that_goes_wrong_in_its_finished_is_refused(psk_pair):
    def flip(fields):
        fields.verify_data = fields.verify_data[:-1] + bytes([fields.verify_data[-1] ^ 1])

    both = psk_pair(edit={"finished": flip})
    both.hello()
    flight = b"".join(both.server.flight())
    assert both.refusal_protected(flight) == ("finished.bad_verify_data", 51)


@pytest.mark.parametrize(
    "extra",
    [
        CertificateRequest([(13, b"\x00\x02\x04\x03")]).encode(),
        message(11, b"\x00\x00\x00\x00"),
        message(15, b"\x04\x03\x00\x00"),
    ],
    ids=["CertificateRequest", "Certificate", "CertificateVerify"],
)
def test_certificates_are_not_welcome_with_a_key(psk_pair, extra):
    # RFC 8446 §4.3.2: "Servers which are authenticating with a PSK MUST NOT send the
    # CertificateRequest message in the main handshake".
    both = psk_pair()
    both.hello()
    both.tell_until(8)
    assert both.client.state == states.WAIT_FINISHED
    assert both.refusal_protected(extra) == ("handshake.unexpected_message", 10)


def test_early_data_that_was_not_offered_cannot_be_accepted(psk_pair):
    edit = {"encrypted_extensions": lambda fields: fields.extensions.append((42, b""))}
    both = psk_pair(edit=edit)
    both.hello()
    refusal = both.refusal_protected(both.server.encrypted_extensions())
    assert refusal == ("encrypted_extensions.unsolicited_extension", UNSUPPORTED_EXTENSION)


# --- what is configured


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"psks": ((b"", KEY, 32),)}, "psk_identity"),
        ({"psks": (("text", KEY, 32),)}, "psk_identity"),
        ({"psks": (KEYS[0], KEYS[0])}, "psk_identity"),
        ({"psks": ((b"short", KEY[:15], 32),)}, "psk_key"),
        ({"psks": ((b"text", "k" * 32, 32),)}, "psk_key"),
        ({"psks": ((b"hash", KEY, 64),)}, "psk_hash"),
        ({"psks": KEYS[:1], "suites": (0x1302,)}, "psk_suite"),
        ({"psks": KEYS, "psk_modes": ()}, "psk_modes"),
        ({"psks": KEYS, "psk_modes": (2,)}, "psk_modes"),
        ({"trust": None}, "no_trust"),
        ({"psks": KEYS, **ONLY, "signature_schemes": (0x0403,)}, "no_trust"),
        ({"psks": KEYS, **ONLY, "certificates": (b"der",)}, "no_trust"),
        ({"psks": KEYS, "server_name": None}, "no_server_name"),
        ({"psks": KEYS, **ONLY, "groups": ()}, "no_groups"),
        ({"psks": ((b"x" * 1000, KEY, 32),)}, "send_buffer_bytes"),
        ({"psks": ((b"x" * 16100, KEY, 32),), "send_buffer_bytes": 70000}, "send_buffer_bytes"),
    ],
)
def test_keys_that_cannot_work_are_refused(client_config, changes, reason):
    with pytest.raises(UsageError) as caught:
        client_config(**changes)
    assert caught.value.reason == "config." + reason


def test_a_client_with_external_keys_alone_needs_neither_clock_nor_name(psk_pair):
    both = psk_pair({**ONLY, "clock": None, "server_name": None}).connect()
    assert both.client.psk_identity == b"first"


@pytest.mark.parametrize("changes", [{}, ONLY, {**ONLY, "psk_modes": (0,)}])
def test_the_smallest_send_buffer_holds_the_keys(client_config, changes):
    size = bytes_max(client_config(psks=KEYS, **changes)) + 6 + 22 + 24
    with pytest.raises(UsageError):
        client_config(send_buffer_bytes=size - 1, psks=KEYS, **changes)
    config = client_config(send_buffer_bytes=size, psks=KEYS, **changes)
    assert len(ClientConnection(config).to_send()) < size


LOADED = """
import sys
from tlscore.client import ClientConnection
from tlscore.clock import FixedClock
from tlscore.config import ClientConfig
from tlscore.entropy import SystemEntropy

class Trust:
    def anchors(self, _name_hash):
        return ()

keys, trust = {}
ClientConnection(ClientConfig(SystemEntropy(), FixedClock(1), trust, "name.example", psks=keys))
print(*sorted(name[8:] for name in sys.modules if name.startswith("tlscore.")))
"""


def loaded(keys, trust):
    """Return the modules an interpreter has after making a client."""
    code = "import sys; sys.path.insert(0, {!r})\n".format(str(Path(tlscore.__file__).parents[1]))
    code += LOADED.replace("{}", "({!r}, {})".format(keys, trust))
    result = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True
    )
    return set(result.stdout.split())


CERTIFICATES = {"client_certificates", "certificate_verify", "message_streams", "crypto.signature"}
OF_KEYS = {"psk", "psk_offer", "session"}


def test_a_client_with_keys_alone_loads_nothing_of_certificates():
    modules = loaded(KEYS, None)
    assert not CERTIFICATES & modules
    assert not {name for name in modules if name.startswith("x509") and name != "x509"}
    assert OF_KEYS - {"session"} <= modules


def test_a_client_that_uses_certificates_loads_nothing_of_keys():
    modules = loaded((), "Trust()")
    assert CERTIFICATES <= modules
    assert not OF_KEYS & modules


def test_a_client_with_both_loads_certificates_when_the_server_wants_them():
    assert "client_certificates" not in loaded(KEYS, "Trust()")
