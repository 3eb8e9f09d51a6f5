"""The compatibility matrix: its product, what is derived of both ends, and the room on a board."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hil import build, image, target
from hil.errors import HilError
from hil.target import BootSpec
from hil.tlsrig import abilities, board_modules, peers
from hil.tlsrig.matrix import derive, product, room
from hil.tlsrig.matrix.product import Place, Row
from hil.tlsrig.scenario import Refusal, Success

ECDSA = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"
AES_128_GCM = "TLS_AES_128_GCM_SHA256"
EVERYTHING = derive.Board((product.TLS13, product.TLS12), frozenset(product.CERTIFICATES))
ROLES = ("client", "server")


def peer_of(name: str, role: str) -> derive.Peer:
    return derive.peer_of(name, role, peers.load(name).ABILITIES)


def derived(
    name: str,
    role: str,
    row: Row,
    size: int = 16384,
    answer: int = 1000,
    board: derive.Board = EVERYTHING,
) -> derive.Derived:
    return derive.derive(Place(row, size, answer), role, board, peer_of(name, role))


def test_every_row_can_mean_something():
    rows = product.rows()
    assert len(set(rows)) == len(rows)
    assert Row(product.TLS12, ECDSA, "rsa2048") not in rows
    assert Row(product.TLS13, "TLS_AES_256_GCM_SHA384", product.PSK) not in rows
    assert {row.version for row in rows} == set(product.VERSIONS)
    assert {row.certificate for row in rows} == set(product.CERTIFICATES)


def test_full_is_the_whole_product():
    rows = product.rows()
    tried = product.places(rows, product.BUFFERS, "full")
    assert len(tried) == len(rows) * len(product.BUFFERS)
    assert {(place.row, place.buffer_bytes) for place in tried} == {
        (row, size) for row in rows for size in product.BUFFERS
    }


def test_usually_every_row_is_tried_and_every_size_with_each_version_and_certificate():
    tried = product.places(product.rows(), product.BUFFERS, "usual")
    assert {place.row for place in tried} == set(product.rows())
    put_to_the_test = {
        (place.row.version, place.row.certificate, place.buffer_bytes)
        for place in tried
        if place.answer_bytes >= place.buffer_bytes
    }
    pairs = {(row.version, row.certificate) for row in product.rows()}
    assert put_to_the_test == {(*pair, size) for pair in pairs for size in product.BUFFERS}


def test_quick_leaves_out_no_suite_no_certificate_and_no_size_of_a_version():
    rows = product.rows()
    tried = product.places(rows, product.BUFFERS, "quick")
    assert len(tried) < len(rows)
    for version in product.VERSIONS:
        own = [place for place in tried if place.row.version == version]
        assert {place.row.suite for place in own} == {
            row.suite for row in rows if row.version == version
        }
        assert {place.row.certificate for place in own} == set(product.CERTIFICATES)
        assert {place.buffer_bytes for place in own} == set(product.BUFFERS)


@pytest.mark.parametrize(
    ("choice", "named"),
    [
        ({"versions": ["1.1"]}, "TLSv1.1"),
        ({"suites": ["TLS_RSA_*"]}, "TLS_RSA_*"),
        ({"certificates": ["dsa"]}, "dsa"),
    ],
)
def test_a_choice_that_matches_nothing_is_refused_with_what_there_is(choice, named):
    with pytest.raises(HilError) as error:
        product.chosen(**choice)
    assert named in str(error.value)
    assert "none of" in str(error.value)


def test_a_choice_that_leaves_nothing_is_refused():
    with pytest.raises(HilError, match="choose less narrowly"):
        product.chosen(suites=["TLS_PSK_*"], certificates=["p256"])


@pytest.mark.parametrize("name", ["openssl", "gnutls", "mbedtls", "pyopenssl", "tlslite"])
@pytest.mark.parametrize("role", ROLES)
def test_what_both_ends_can_do_must_work(name, role):
    for row in (Row(product.TLS13, AES_128_GCM, "p256"), Row(product.TLS12, ECDSA, "p256")):
        found = derived(name, role, row)
        assert found.works
        assert isinstance(found.scenario.expect, Success)
        assert found.scenario.expect.negotiated[:2] == (row.version, row.suite)
        assert found.scenario.needs <= peer_of(name, role).able | {row.suite}


def test_a_peer_that_declares_everything_is_refused_nothing():
    able = frozenset(
        {*product.VERSIONS, *product.CERTIFICATES, "psk_dhe_ke", abilities.RECORD_SIZE_LIMIT}
        | {row.suite for row in product.rows()}
        | {abilities.EXTENDED_MASTER}
    )
    every = product.places(product.rows(), product.BUFFERS, "full")
    for role in ROLES:
        for place in every:
            found = derive.derive(place, role, EVERYTHING, derive.Peer("able", able))
            assert found.works, found.reason


@pytest.mark.parametrize(
    ("name", "role", "row", "alert"),
    [
        ("bearssl", "server", Row(product.TLS13, AES_128_GCM, "p256"), "protocol_version"),
        # It takes the offer for one of TLS 1.2 with unknown suites.
        ("bearssl", "client", Row(product.TLS13, AES_128_GCM, "p256"), "handshake_failure"),
        ("mbedtls", "client", Row(product.TLS12, ECDSA, "ed25519"), "handshake_failure"),
        ("mbedtls", "server", Row(product.TLS13, AES_128_GCM, "ed25519"), "handshake_failure"),
        (
            "tlslite",
            "client",
            Row(product.TLS12, "TLS_PSK_WITH_AES_128_CCM", product.PSK),
            "handshake_failure",
        ),
    ],
)
def test_what_a_peer_cannot_do_is_refused_by_the_server_with_the_right_alert(
    name, role, row, alert
):
    found = derived(name, role, row)
    assert not found.works
    assert isinstance(found.scenario.expect, Refusal)
    assert found.scenario.expect.sender == ("peer" if role == "client" else "board")
    assert found.scenario.expect.alert == alert
    assert alert in found.reason
    assert name in found.reason


@pytest.mark.parametrize("role", ROLES)
def test_a_version_that_the_image_leaves_out_is_refused_as_such(role):
    board = derive.Board((product.TLS13,), frozenset(product.CERTIFICATES))
    found = derived("openssl", role, Row(product.TLS12, ECDSA, "p256"), board=board)
    assert found.scenario.board.versions == (product.TLS13,)
    assert found.scenario.peer.versions == (product.TLS12,)
    assert isinstance(found.scenario.expect, Refusal)
    assert found.scenario.expect.alert == "protocol_version"
    assert "image" in found.reason


@pytest.mark.parametrize(
    ("name", "alert"), [("openssl", "protocol_version"), ("gnutls", "handshake_failure")]
)
def test_a_server_that_goes_by_legacy_version_says_so(name, alert):
    board = derive.Board((product.TLS13,), frozenset(product.CERTIFICATES))
    found = derived(name, "client", Row(product.TLS12, ECDSA, "p256"), board=board)
    assert isinstance(found.scenario.expect, Refusal)
    assert found.scenario.expect.alert == alert


def test_what_nobody_has_keys_for_is_not_tried():
    board = derive.Board(EVERYTHING.versions, frozenset({"p256"}))
    place = Place(Row(product.TLS13, AES_128_GCM, "ed25519"), 16384, 1000)

    def why_not(name: str, role: str) -> str | None:
        return derive.why_not(place, role, board, peer_of(name, role))

    assert "no key to show" in (why_not("openssl", "server") or "")
    assert "neither" in (why_not("mbedtls", "client") or "")
    assert why_not("openssl", "client") is None
    found = derive.derive(place, "client", board, peer_of("openssl", "client"))
    assert isinstance(found.scenario.expect, Refusal)
    assert found.scenario.expect.sender == "peer"
    assert "ed25519" not in found.scenario.board.signatures


def test_what_an_image_can_do_follows_from_its_modules():
    unix = build.modules_of(image.load("unix"))
    assert derive.board_of("client", unix).versions == (product.TLS13, product.TLS12)
    left = [name for name in unix if not name.startswith("tlscore/tls12/")]
    assert derive.board_of("client", left).versions == (product.TLS13,)
    left = [name for name in unix if name != "tlscore/crypto/ed25519.py"]
    assert "ed25519" not in derive.board_of("server", left).certificates
    assert derive.board_of("server", [name for name in unix if "server" not in name]) is None


def test_no_cell_needs_a_module_that_its_image_leaves_out():
    modules = [
        name
        for name in build.modules_of(image.load("unix"))
        if not name.startswith("tlscore/tls12/") and name != "tlscore/crypto/ed25519.py"
    ]
    for place in product.places(product.rows(), product.BUFFERS, "full"):
        for role in ROLES:
            board = derive.board_of(role, modules)
            if derive.why_not(place, role, board, peer_of("openssl", role)) is not None:
                continue
            found = derive.derive(place, role, board, peer_of("openssl", role))
            if found.works or "image" not in found.reason:
                assert board_modules.lacking(found.scenario, "some", modules) is None


def test_a_peer_without_extended_master_secret_is_met_without_it():
    found = derived("bearssl", "client", Row(product.TLS12, ECDSA, "p256"))
    assert found.works
    assert not found.scenario.board.extended_master_secret
    assert "extended master secret" in found.reason


@pytest.mark.parametrize(
    ("name", "role", "by"),
    [
        ("gnutls", "client", "record_size_limit"),
        ("gnutls", "server", "record_size_limit"),
        ("bearssl", "client", "max_fragment_length"),
        ("openssl", "client", "max_fragment_length"),
    ],
)
def test_a_peer_that_knows_a_limit_keeps_to_the_buffer(name, role, by):
    row = Row(product.TLS12, ECDSA, "p256")
    found = derived(name, role, row, 2048, 2112)
    assert found.works
    assert by in found.reason
    asked = found.scenario.board.max_fragment_bytes
    assert asked == (2048 if role == "client" else None)


def test_a_client_that_knows_no_limit_overflows_the_buffer_and_the_reason_says_what_to_change():
    row = Row(product.TLS13, AES_128_GCM, "p256")
    found = derived("pyopenssl", "server", row, 5120, 5184)
    assert found.scenario.expect == Refusal(
        "board", "record_overflow", "record.exceeds_buffer", connected=True
    )
    assert "Set the buffer to 16,384 bytes" in found.reason
    assert derived("pyopenssl", "server", row, 16384, 16384).works
    assert derived("pyopenssl", "server", row, 5120, 1000).works, "none of its records is larger"
    assert derived("openssl", "server", row, 8192, 8256).works, "its programs send 8 KB at most"


@pytest.mark.parametrize(("size", "asked"), [(511, None), (512, 512), (5120, 4096), (16384, None)])
def test_a_client_asks_for_the_largest_fragment_that_fits(size, asked):
    found = derived("openssl", "client", Row(product.TLS12, ECDSA, "p256"), size)
    assert found.scenario.board.max_fragment_bytes == asked


def test_the_largest_buffer_follows_from_heap_and_smallest_heap():
    board = target.load_all()["qemu-cortexm"]
    assert room.largest(board) == 16384
    arguments = {**board.boot.arguments, "heap_bytes": 32_000}
    small = replace(board, boot=BootSpec(board.boot.driver, arguments))
    needed = board.limits.of_scenario["tls13-x509-p256"]["heap_min_bytes"]
    assert room.largest(small) == 32_000 - (needed - 4096) - 8_704


def test_a_buffer_that_does_not_fit_is_refused_with_the_largest_that_would():
    board = target.load_all()["qemu-cortexm"]
    arguments = {**board.boot.arguments, "heap_bytes": 32_000}
    small = replace(board, boot=BootSpec(board.boot.driver, arguments))
    most = room.largest(small)
    room.require(small, [most])
    with pytest.raises(HilError) as error:
        room.require(small, [2048, most + 1])
    assert f"{most + 1:,} bytes do not fit" in str(error.value)
    assert f"the largest that fits is {most:,}" in str(error.value)


def test_a_heap_without_room_for_any_buffer_is_an_error_of_the_target_file():
    board = target.load_all()["qemu-cortexm"]
    tiny = replace(board, boot=BootSpec(board.boot.driver, {"heap_bytes": 20_000}))
    with pytest.raises(HilError, match=r"boot\.heap_bytes"):
        room.largest(tiny)


def test_a_board_whose_heap_is_not_known_is_not_judged():
    board = target.load_all()["qemu-cortexm"]
    attached = replace(board, boot=BootSpec("attached", {}))
    assert room.largest(attached) is None
    room.require(attached, [16384])
