"""The TLS of a board's firmware: what it is asked, what the link shows of it, what is not asked."""

from __future__ import annotations

import importlib
import sys
from dataclasses import replace
from types import ModuleType

import pytest

from hil import build, image, paths, target
from hil.errors import BuildError, TargetFileError
from hil.link import BOARD_TO_PEER, PEER_TO_BOARD, Chunk
from hil.measure import Measurement
from hil.tlsrig import scenario as declared
from hil.tlsrig.native import abilities, figures, judgement, witness
from hil.tlsrig.oracle import Check, Ruling
from hil.tlsrig.scenario import AGREED, Success
from hil.tlsrig.statement import Statement

KNOWN = declared.load_all()
SAID = {"module": "tls", "library": "Mbed TLS 9", "suites": ["TLS1-3-AES-128-GCM-SHA256"]}
PEER = Statement("openssl", connected=True)
NOTHING_SHOWN = witness.account([], "", board_is_client=True)


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("tls13-psk-hrr", "external keys"),
        ("tls13-resumption", "resumption"),
        ("tls12-alpn", "ALPN"),
        ("tls13-key-update", "KeyUpdate"),
        ("tls13-x509-ed25519", "Ed25519"),
        ("tls13-group-p384", "a choice of groups"),
        ("tls13-server-no-common-group", "a choice of groups"),
        ("tls12-only-client", "a choice of versions"),
        ("tls12-max-fragment", "a size of records"),
    ],
)
def test_what_the_module_cannot_be_asked_for_is_said_by_name(name: str, word: str) -> None:
    said = abilities.lacking(KNOWN[name])
    assert said is not None
    assert word in said


@pytest.mark.parametrize(
    "name", ["tls13-x509-p256", "tls12-server-mutual", "tls13-hrr", "tls12-wrong-name"]
)
def test_ordinary_scenarios_are_within_its_abilities(name: str) -> None:
    assert abilities.lacking(KNOWN[name]) is None


def test_suites_have_registered_names_and_its_own() -> None:
    for suite in ("TLS_AES_128_CCM_8_SHA256", "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8"):
        assert abilities.registered_name(abilities.its_name(suite)) == suite
    assert abilities.its_name("TLS_AES_128_GCM_SHA256") == "TLS1-3-AES-128-GCM-SHA256"


def test_a_suite_the_library_was_built_without_is_said_with_its_name_and_version() -> None:
    assert abilities.lacking_suites(KNOWN["tls13-x509-p256"], SAID) is None
    said = abilities.lacking_suites(KNOWN["tls13-chacha20"], SAID)
    assert said == "Mbed TLS 9 (MicroPython's tls) was built without TLS_CHACHA20_POLY1305_SHA256"
    # A board that does not tell is tried.
    assert abilities.lacking_suites(KNOWN["tls13-chacha20"], {**SAID, "suites": None}) is None


def test_groups_and_signatures_are_only_to_be_agreed_on() -> None:
    opened = judgement.expected(KNOWN["tls13-x509-p256"]).expect
    assert isinstance(opened, Success)
    assert opened.negotiated == ("TLSv1.3", "TLS_AES_128_GCM_SHA256", AGREED, AGREED)


def test_the_link_shows_alerts_in_the_clear() -> None:
    fatal = b"\x15\x03\x03\x00\x02\x02\x2a"
    for direction, sent in ((BOARD_TO_PEER, True), (PEER_TO_BOARD, False)):
        shown = witness.account([Chunk(direction, fatal, 0.0)], "", board_is_client=True)
        assert shown.alert(sent=sent) == 42
        assert shown.alert(sent=not sent) is None
        assert shown.same_secrets is None
        assert "logs no keys" in shown.how


def _ruled(
    *names: str, shown: witness.Account = NOTHING_SHOWN, closes_first: bool = False
) -> Ruling:
    made = Ruling(tuple(Check(name, False, "so and so") for name in names))
    return judgement.ruling(made, PEER, shown, closes_first=closes_first)


def test_what_is_not_asked_stays_in_the_list_with_its_reason() -> None:
    ruled = _ruled("board exporter", "board sent close_notify")
    assert ruled.passed
    assert ["not asked" in check.detail for check in ruled.checks] == [True, True]


@pytest.mark.parametrize(
    "name", ["board version", "board suite", "echo 64 to peer", "board sent alert", "board resumed"]
)
def test_everything_else_is_asked(name: str) -> None:
    assert not _ruled(name).passed


def test_an_alert_about_the_missing_close_is_excused_only_after_every_echo() -> None:
    alert = Check("openssl sent no alert", False, "decode_error (50)")
    for came_back in (True, False):
        made = Ruling((alert, Check("echo 64 to board", came_back, "")))
        ruled = judgement.ruling(made, PEER, NOTHING_SHOWN, closes_first=False)
        assert ruled.checks[0].passed is came_back


def test_a_peer_that_closes_first_must_be_heard() -> None:
    assert not _ruled("board received close_notify", closes_first=True).passed
    assert _ruled("board received close_notify").passed


def test_other_secrets_than_the_peers_are_a_failure() -> None:
    connected = Ruling((Check("board connected", True, ""),))
    for same in (True, False):
        shown = replace(NOTHING_SHOWN, same_secrets=same)
        assert judgement.ruling(connected, PEER, shown, closes_first=True).passed is same


def test_memory_outside_of_the_heap_is_added_or_the_figure_is_refused() -> None:
    figure = Measurement("heap_live_peak_bytes", 1000, "bytes", "seen")
    inside = {"buffers_in_heap": True, "outside": None}
    assert figures.of_stack(figure, inside) == figure
    added = figures.of_stack(figure, {"buffers_in_heap": False, "outside": 40_000})
    assert added.value == 41_000
    assert "ESP-IDF" in added.method
    refused = figures.of_stack(figure, {"buffers_in_heap": False, "outside": None})
    assert refused.value is None
    assert refused.reason


def test_stacks_are_chosen_by_option_and_have_names_and_limits_of_their_own() -> None:
    shelf = target.load_all()
    both = target.with_stacks([shelf["unix"], shelf["unix-mbedtls"]], "native,tlscore")
    assert [(one.name, one.stack) for one in both] == [
        ("unix", "tlscore"),
        ("unix-native", "native"),
        ("unix-mbedtls-tlscore", "tlscore"),
        ("unix-mbedtls", "native"),
    ]
    # One board, two targets: never on two workers at once.
    assert [one.board for one in both] == ["unix", "unix", "unix-mbedtls", "unix-mbedtls"]
    assert both[0].limits.of_scenario
    assert not both[1].limits.of_scenario
    for wrong in ("wolfssl", ""):
        with pytest.raises(target.TargetSelectionError, match="there are tlscore, native"):
            target.with_stacks([shelf["unix"]], wrong)


def test_a_wrong_stack_in_a_target_file_is_refused_with_its_line(tmp_path) -> None:
    text = (paths.targets_dir() / "unix-mbedtls.toml").read_text()
    file = tmp_path / "unix-mbedtls.toml"
    file.write_text(text.replace('stack = "native"', 'stack = "naive"'))
    with pytest.raises(TargetFileError, match=r"toml:\d+: stack: 'naive' is none of"):
        target.load(file)


def test_the_jobs_are_frozen_where_there_is_a_stack_for_them_and_nowhere_else() -> None:
    having = [name for name in image.available() if "native_jobs.py" in modules(name)]
    assert having == ["unix-mbedtls", "unix-mbedtls3"]


def modules(name: str) -> dict[str, object]:
    return dict(build.modules_of(image.load(name)))


def test_a_static_library_this_machine_lacks_is_told_with_the_key() -> None:
    recipe = replace(image.load("unix-mbedtls"), archives=("libno-such-thing.a",))
    with pytest.raises(BuildError, match=r"image\.toml: archives: gcc knows no libno-such-thing"):
        build._identity_of_archives(recipe)


# ---- The job itself, on CPython with a stand-in for the module in C.


class _Socket:
    """What `wrap_socket` returns: says its hello, and echoes what it is given."""

    def __init__(self, stream: object) -> None:
        self._held = bytearray()
        stream.write(b"hello")

    def cipher(self) -> tuple[str, str]:
        return "TLS1-3-AES-128-GCM-SHA256", "TLSv1.3"

    def write(self, data: bytes) -> int:
        self._held += data
        return len(data)

    def readinto(self, buffer: memoryview) -> int | None:
        count = min(len(buffer), len(self._held))
        buffer[:count] = self._held[:count]
        del self._held[:count]
        return count

    def close(self) -> None:
        pass


class _Context:
    def __init__(self, _role: int) -> None:
        pass

    def get_ciphers(self) -> list[str]:
        return ["TLS1-3-AES-128-GCM-SHA256"]

    def set_ciphers(self, suites: list[str]) -> None:
        assert suites == self.get_ciphers()

    def load_verify_locations(self, root: bytes) -> None:
        if root != b"root":
            raise ValueError("invalid cert")

    def wrap_socket(self, stream: object, *, server_side: bool, server_hostname: str) -> _Socket:
        return _Socket(stream)


class _Link:
    def __init__(self) -> None:
        self.said = b""

    def write(self, data: bytes) -> int:
        self.said += bytes(data[:2])  # a link that takes little at a time
        return min(len(data), 2)

    def wait(self, _timeout_ms: int) -> bool:
        return True


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The job's module, importable as on a board, with a stack."""
    stack = ModuleType("tls")
    stack.SSLContext = _Context
    stack.PROTOCOL_TLS_CLIENT, stack.PROTOCOL_TLS_SERVER = 0, 1
    stack.CERT_NONE, stack.CERT_REQUIRED = 0, 2
    stack.MBEDTLS_VERSION = "Mbed TLS 9"
    monkeypatch.setitem(sys.modules, "tls", stack)
    package = paths.package_dir()
    for folder in ("ontarget", "tlsrig/ontarget", "tlsrig/ontarget/native"):
        monkeypatch.syspath_prepend(package / folder)
    return importlib.import_module("native_jobs")


OPTIONS = {
    "utc_seconds": 0,
    "root": b"root",
    "chain": None,
    "private_key": None,
    "demand": True,
    "server_name": "localhost",
    "suites": ["TLS1-3-AES-128-GCM-SHA256", "TLS1-3-NO-SUCH"],
    "echo": (1, 2500),
    "close_first": True,
    "timeout_ms": 100,
}


def test_a_job_goes_through_handshake_echoes_and_end(jobs: ModuleType) -> None:
    link = _Link()
    result = jobs.client(link, OPTIONS)
    assert link.said == b"hello"
    assert result["reason"] is None
    assert result["cipher"] == ("TLS1-3-AES-128-GCM-SHA256", "TLSv1.3")
    assert result["echo"] == [(1, True), (2500, True)]
    assert result["library"] == "Mbed TLS 9"
    names = [name for name, _, _ in result["marks"]["checkpoints"]]
    assert names == ["start", "connected", "echo", "echo", "closed"]


def test_what_the_stack_raises_is_the_reason_and_no_fault_of_the_job(jobs: ModuleType) -> None:
    result = jobs.client(_Link(), {**OPTIONS, "root": b"rot"})
    assert not result["connected"]
    assert result["reason"] == "native.value_error: invalid cert"


def test_firmware_without_a_stack_says_so(
    jobs: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert jobs.abilities(None)["module"] == "tls"
    for name in ("tls", "ssl"):
        monkeypatch.setitem(sys.modules, name, None)
    assert jobs.abilities(None) is None
