"""The TLS plugin as its users meet it: `--peer`, `--scenario`, test ids, missing peers."""

from __future__ import annotations

from pathlib import Path

import pytest

BOARD_TEST = """
    def test_handshake(hil_target, peer_name, scenario):
        pass
"""


@pytest.fixture(autouse=True)
def _inner_runs_without_hypothesis(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p no:hypothesispytest")


def collected(pytester: pytest.Pytester, *arguments: str) -> list[str]:
    pytester.makepyfile(BOARD_TEST)
    result = pytester.runpytest("--collect-only", "-q", *arguments)
    return [line.split("::")[1] for line in result.outlines if "::" in line]


def test_ids_are_made_of_target_peer_and_scenario(pytester: pytest.Pytester) -> None:
    ids = collected(pytester, "--target=qemu-cortexm", "--scenario=tls13-x509-p256")
    assert ids == ["test_handshake[qemu-cortexm-openssl-tls13-x509-p256]"]


def test_a_link_over_the_network_is_part_of_the_boards_name(pytester: pytest.Pytester) -> None:
    ids = collected(pytester, "--target=qemu-mips", "--link=net", "--scenario=tls13-hrr")
    assert ids == ["test_handshake[qemu-mips-net-openssl-tls13-hrr]"]
    result = pytester.runpytest("--collect-only", "--target=unix,qemu-mips", "--link=net")
    result.stderr.fnmatch_lines(["ERROR: no network for the link: unix (*choose other boards*"])


def test_scenarios_are_repeatable_and_take_globs_and_comma_lists(
    pytester: pytest.Pytester,
) -> None:
    ids = collected(
        pytester, "--scenario=tls13-hrr,tls11-only-server", "--scenario=tls13-tampered-*"
    )
    assert [name.removeprefix("test_handshake[unix-openssl-") for name in ids] == [
        "tls13-hrr]",
        "tls11-only-server]",
        "tls13-tampered-record]",
        "tls13-tampered-finished]",
    ]


def test_a_scenario_of_one_device_is_run_with_who_plays_it(pytester: pytest.Pytester) -> None:
    tried = "--scenario=past-esp8266-client,past-bearssl-now-server,tls13-hrr"
    assert collected(pytester, tried) == [
        "test_handshake[unix-past-past-esp8266-client]",
        "test_handshake[unix-bearssl-past-bearssl-now-server]",
        "test_handshake[unix-openssl-tls13-hrr]",
    ]
    # Whoever names a peer gets that one alone.
    ids = collected(pytester, tried, "--peer=openssl")
    assert [name for name in ids if not name.startswith("test_handshake[unix-openssl-")] == []
    assert len(ids) == 3


def test_by_default_every_scenario_is_run(pytester: pytest.Pytester) -> None:
    ids = collected(pytester)
    assert "test_handshake[unix-openssl-tls13-expired]" in ids
    assert len(ids) >= 8


@pytest.mark.parametrize(
    ("option", "near"),
    [
        ("--scenario=tls13-x509", "*no scenario matches 'tls13-x509'; did you mean*x509-p256*"),
        ("--peer=openssI", "*no peer matches 'openssI'; did you mean openssl*"),
    ],
)
def test_an_unknown_name_is_refused_before_anything_runs(
    pytester: pytest.Pytester, option: str, near: str
) -> None:
    pytester.makepyfile(BOARD_TEST)
    result = pytester.runpytest(option)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([near])


def test_a_missing_peer_skips_its_cells_and_names_the_install_command(
    pytester: pytest.Pytester, lab: object, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytester.makepyfile(
        """
        def test_handshake(tls_cell, hil_record):
            raise AssertionError("must not run without its peer")
        """
    )
    monkeypatch.setenv("PATH", str(tmp_path))
    result = pytester.runpytest("-rs", "--scenario=tls13-hrr")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["*openssl is not installed*apt-get install openssl*"])


def test_a_peer_that_cannot_do_a_scenario_skips_it_and_names_one_that_can(
    pytester: pytest.Pytester, lab: object
) -> None:
    pytester.makepyfile(
        """
        def test_handshake(tls_cell, hil_record):
            raise AssertionError("must not run with this peer")
        """
    )
    result = pytester.runpytest("-rs", "--scenario=tls13-record-size-limit")
    result.assert_outcomes(skipped=1)
    said = "*peer openssl as a server has no record_size_limit*use --peer=gnutls or *"
    result.stdout.fnmatch_lines([said])


def test_a_run_that_skipped_every_cell_of_a_target_fails(
    pytester: pytest.Pytester, lab: object, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytester.makepyfile("def test_handshake(tls_cell, hil_record): pass")
    monkeypatch.setenv("PATH", str(tmp_path))
    result = pytester.runpytest("--scenario=tls13-hrr")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*target unix was selected, but no cell ran on it*"])


def test_other_peoples_scenarios_are_left_alone(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.fixture
        def scenario():
            return "mine"

        def test_their_fixture(scenario):
            assert scenario == "mine"

        @pytest.mark.parametrize("scenario", ["theirs"])
        def test_their_parameter(hil_target, scenario):
            assert scenario == "theirs"
        """
    )
    pytester.runpytest().assert_outcomes(passed=2)
