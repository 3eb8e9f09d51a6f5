"""The plugin as its users meet it: options, parametrized boards, verdicts, the report."""

from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path

import pytest

from hil import target

CELL_TEST = """
    import pytest
    from hil.measure import Measurement
    from hil.report import Cell

    @pytest.mark.parametrize("peer_name", ["openssl"])
    @pytest.mark.parametrize("scenario", ["tls13-x509-p384"])
    def test_handshake(hil_target, peer_name, scenario, dut, hil_record, tmp_path):
        answer = dut.call("jobs:echo", 1, 2, timeout_s=7)
        {middle}
        log = tmp_path / "keys.log"
        log.write_text("CLIENT_RANDOM")
        hil_record(Cell(
            target=hil_target.name, peer=peer_name, peer_version="3.0.17", scenario=scenario,
            role="client", verdict="pass", negotiated={{"version": "TLSv1.3"}},
            measurements=[
                Measurement("heap_live_peak_bytes", 21504, "bytes", "checkpoints"),
                Measurement("handshake_instructions", None, "instructions", "none",
                            reason="nothing counts"),
            ],
            artefacts={{"keylog": str(log)}},
        ))
        {end}
"""


@pytest.fixture(autouse=True)
def _inner_runs_with_this_plugin_only(pytester, monkeypatch):
    """Do without the TLS rig, which is another plugin, and hypothesis, slow to import."""
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p no:hil-tls -p no:hypothesispytest")


def cell_test(*, middle: str = "", end: str = "") -> str:
    """Return a test that fills one cell, with a line of its own in two places."""
    return CELL_TEST.format(middle=middle or "pass", end=end or "pass")


def only_report(pytester: pytest.Pytester) -> dict:
    """Return the one report an inner run left."""
    (path,) = pytester.path.glob("reports/*/report.json")
    return json.loads(path.read_text())


def only_cell(pytester: pytest.Pytester) -> dict:
    (cell,) = only_report(pytester)["cells"]
    return cell


# ---- selecting targets


def test_a_board_test_runs_once_per_selected_target_which_comes_first_in_its_id(lab, pytester):
    pytester.makepyfile(cell_test())
    result = pytester.runpytest("-v", "--target=qemu-cortexm,unix")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(
        [
            "*::test_handshake?qemu-cortexm-*openssl* PASSED*",
            "*::test_handshake?unix-*openssl* PASSED*",
        ]
    )


def test_without_an_option_the_target_is_unix(lab, pytester):
    pytester.makepyfile("def test_board(dut): assert dut.target.name == 'unix'")
    pytester.runpytest("-q").assert_outcomes(passed=1)


def test_the_option_is_repeatable_and_takes_globs_and_classes(lab, pytester):
    pytester.makepyfile("def test_board(hil_target): pass")
    result = pytester.runpytest("-v", "--target=qemu-cortex?", "--target=class:process")
    processes = sorted(t.name for t in target.load_all().values() if t.klass == "process")
    result.assert_outcomes(passed=1 + len(processes))
    result.stdout.fnmatch_lines([f"*[[]{name}[]]*" for name in ["qemu-cortexm", *processes]])


@pytest.mark.parametrize("fixture", ["hil_target", "dut_factory", "dut"])
def test_every_board_fixture_alone_parametrizes_its_test(lab, pytester, fixture):
    pytester.makepyfile(f"def test_board({fixture}): pass")
    pytester.runpytest("--target=unix,qemu-cortexm").assert_outcomes(passed=2)


def test_an_unknown_target_is_a_usage_error_that_names_the_near_one(pytester):
    result = pytester.runpytest("--target=qemu-cortxm")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*no target is called 'qemu-cortxm'; did you mean qemu-cortexm?*"])


def test_no_attached_board_is_a_usage_error_that_says_how_to_add_one(pytester):
    result = pytester.runpytest("--target=class:attached")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*no target matches 'class:attached'*README.md says how*"])


def test_boards_of_ones_own_come_from_another_folder(lab, pytester):
    shipped = Path(__file__).parents[2] / "targets" / "unix.toml"
    text = shipped.read_text().replace('name = "unix"', 'name = "bench-unix"')
    (pytester.mkdir("lab") / "bench-unix.toml").write_text(text)
    pytester.makepyfile("def test_board(dut): assert dut.target.name == 'bench-unix'")
    result = pytester.runpytest("--target-dir=lab", "--target=bench-*")
    result.assert_outcomes(passed=1)


def test_a_wrong_target_file_is_a_usage_error_with_file_and_line(pytester):
    folder = pytester.mkdir("lab")
    (folder / "odd.toml").write_text('name = "odd"\nclok_hz = 5\n')
    result = pytester.runpytest("--target-dir=lab")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*odd.toml:2: clok_hz: unknown key; did you mean 'clock_hz'?*"])


def test_list_targets_lists_them_and_runs_nothing(pytester):
    pytester.makepyfile("def test_never(): raise SystemExit('ran')")
    result = pytester.runpytest("--list-targets")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["target*missing to run*", "qemu-cortexm*Cortex-M3*", "unix*"])
    result.stdout.no_fnmatch_line("*test session starts*")


# ---- options


@pytest.mark.parametrize("factor", ["0", "-1", "nan", "inf", "fast"])
def test_a_timeout_multiplier_that_is_not_above_zero_is_refused(pytester, factor):
    result = pytester.runpytest(f"--timeout-multiplier={factor}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--timeout-multiplier: must be a number above 0*"])


def test_the_timeout_multiplier_and_the_heap_size_reach_the_board(lab, pytester):
    pytester.makepyfile("def test_board(dut_factory): dut_factory(heap_bytes=32768)")
    pytester.runpytest("--timeout-multiplier=2.5").assert_outcomes(passed=1)
    assert lab.boot_arguments == [{"heap_bytes": 32768, "timeout_multiplier": 2.5}]


def test_an_installed_pytest_embedded_is_refused_with_the_option_that_helps(pytester, monkeypatch):
    entry = metadata.EntryPoint("pytest_embedded", "pytest_embedded.plugin", "pytest11")
    genuine = metadata.entry_points

    def with_embedded(**selection):
        found = genuine(**selection)
        return (*found, entry) if selection.get("group") == "pytest11" else found

    monkeypatch.setattr(metadata, "entry_points", with_embedded)
    result = pytester.runpytest("--list-targets")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*-p no:pytest_embedded*"])
    assert pytester.runpytest("-p", "no:pytest_embedded", "--list-targets").ret == 0


# ---- life of a board


def test_by_default_each_test_gets_a_fresh_board_closed_after_it(lab, pytester):
    pytester.makepyfile("def test_one(dut): pass\ndef test_two(dut): pass")
    pytester.runpytest().assert_outcomes(passed=2)
    assert [board.closed for board in lab.boards] == [True, True]
    assert lab.builds == ["unix"]


def test_a_board_can_be_kept_for_a_whole_session(lab, pytester):
    pytester.makepyfile("def test_one(dut): pass\ndef test_two(dut): pass")
    pytester.runpytest("-o", "hil_dut_scope=session").assert_outcomes(passed=2)
    assert [board.closed for board in lab.boards] == [True]


def test_an_unknown_scope_is_refused(pytester):
    result = pytester.runpytest("-o", "hil_dut_scope=forever")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*hil_dut_scope: 'forever' is none of function,*"])


def test_a_kept_board_that_hung_fails_the_next_test_at_once(lab, pytester):
    lab.behaviour = "hang"
    pytester.makepyfile(
        "def test_one(dut): dut.call('m:f', timeout_s=1)\n"
        "def test_two(dut): dut.call('m:f', timeout_s=1)\n"
    )
    result = pytester.runpytest("-o", "hil_dut_scope=session")
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["*BoardHang: m:f: no answer*", "*BoardDied: the board is closed*"])


# ---- verdicts and outcomes


def test_a_passing_cell_is_reported_with_its_figures(lab, pytester):
    pytester.makepyfile(cell_test())
    result = pytester.runpytest()
    result.assert_outcomes(passed=1)
    cell = only_cell(pytester)
    assert (cell["verdict"], cell["peer"], cell["peer_version"]) == ("pass", "openssl", "3.0.17")
    assert cell["measurements"][0]["value"] == 21504
    assert cell["test"].endswith("::test_handshake[unix-tls13-x509-p384-openssl]")
    result.stdout.fnmatch_lines(["*footprint*", "unix*21,504*", "report: reports*"])


def test_artefacts_are_kept_in_the_report_with_the_boards_logs(lab, pytester):
    pytester.makepyfile(cell_test())
    pytester.runpytest("--report=out")
    cell = json.loads((pytester.path / "out/report.json").read_text())["cells"][0]
    assert cell["artefacts"].keys() == {"keylog", "console"}
    kept = pytester.path / "out" / cell["artefacts"]["keylog"]
    assert kept.read_text() == "CLIENT_RANDOM"


def test_a_hung_board_is_a_hang_with_its_console_in_the_failure(lab, pytester):
    lab.behaviour = "hang"
    pytester.makepyfile(cell_test())
    result = pytester.runpytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*BoardHang*no answer within 7 s*", "*still counting sheep*"])
    cell = only_cell(pytester)
    assert cell["verdict"] == "hang"
    assert "still counting sheep" in cell["reason"]


def test_a_board_that_died_is_an_error(lab, pytester):
    lab.behaviour = "die"
    pytester.makepyfile(cell_test())
    pytester.runpytest().assert_outcomes(failed=1)
    assert only_cell(pytester)["verdict"] == "error"


def test_a_board_that_never_booted_leaves_its_cell_and_its_console_log(lab, pytester):
    lab.behaviour = "dead on arrival"
    pytester.makepyfile(cell_test())
    pytester.runpytest().assert_outcomes(errors=1)
    cell = only_cell(pytester)
    assert (cell["verdict"], cell["peer"], cell["scenario"]) == (
        "error",
        "openssl",
        "tls13-x509-p384",
    )
    assert "no prompt within 20 s" in cell["reason"]
    assert "console" in cell["artefacts"]


def test_firmware_that_cannot_be_built_is_tried_once_and_is_an_error_everywhere(lab, pytester):
    lab.behaviour = "unbuildable"
    pytester.makepyfile(cell_test(), test_more="def test_other(dut): pass")
    pytester.runpytest().assert_outcomes(errors=2)
    assert lab.builds == ["unix"]
    assert only_cell(pytester)["reason"] == "make failed for unix"


def test_an_assertion_is_a_fail_and_shows_the_boards_console(lab, pytester):
    pytester.makepyfile(cell_test(middle="assert answer == [3]"))
    result = pytester.runpytest()
    result.assert_outcomes(failed=1)
    assert only_cell(pytester)["verdict"] == "fail"
    result.stdout.fnmatch_lines(["*console of unix*", "*still counting sheep*"])


def test_an_assertion_after_recording_overrules_the_recorded_pass(lab, pytester):
    pytester.makepyfile(cell_test(end="assert not 'afterthought'"))
    pytester.runpytest().assert_outcomes(failed=1)
    cell = only_cell(pytester)
    assert cell["verdict"] == "fail"
    assert "afterthought" in cell["reason"]


def test_a_mistake_of_the_test_itself_is_an_error_not_a_fail(lab, pytester):
    pytester.makepyfile(cell_test(middle="answer.explode()"))
    pytester.runpytest().assert_outcomes(failed=1)
    cell = only_cell(pytester)
    assert cell["verdict"] == "error"
    assert cell["reason"].startswith("AttributeError")


def test_a_failing_teardown_is_an_error(lab, pytester):
    pytester.makepyfile(
        """
        import pytest
        from hil.report import Cell

        @pytest.fixture
        def trap():
            yield
            raise OSError("stuck")

        def test_board(trap, hil_target, hil_record):
            hil_record(Cell(hil_target.name, None, None, "boot", verdict="pass"))
        """
    )
    pytester.runpytest().assert_outcomes(passed=1, errors=1)
    assert only_cell(pytester)["reason"] == "OSError: stuck"


def test_a_test_that_forgets_its_cell_fails(lab, pytester):
    pytester.makepyfile("def test_lazy(dut, hil_record): pass")
    result = pytester.runpytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*passed without recording its cell unix-test_lazy*"])
    assert only_cell(pytester)["verdict"] == "error"


def test_a_recorded_fail_fails_its_test_even_if_nothing_was_raised(lab, pytester):
    pytester.makepyfile(
        """
        from hil.report import Cell

        def test_board(hil_target, hil_record):
            hil_record(Cell(hil_target.name, None, None, "boot", verdict="fail", reason="late"))
        """
    )
    result = pytester.runpytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*the test passed, but unix-boot is fail: late*"])
    assert only_cell(pytester)["reason"] == "late"


# ---- the whole run


def test_a_target_without_any_executed_cell_fails_the_run(lab, pytester):
    pytester.makepyfile(cell_test(middle="import pytest; pytest.skip('openssl is not installed')"))
    result = pytester.runpytest()
    result.assert_outcomes(skipped=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        ["hil: target unix was selected, but no cell ran on it (1 skip: openssl is not installed)"]
    )
    assert only_cell(pytester)["verdict"] == "skip"


def test_tests_without_cells_owe_none(lab, pytester):
    pytester.makepyfile("def test_unit(): pass\ndef test_board(dut): pass")
    result = pytester.runpytest("--target=unix,qemu-cortexm")
    assert result.ret == 0
    assert not (pytester.path / "reports").exists()


def test_a_run_that_was_stopped_early_owes_no_cell_but_says_so(lab, pytester):
    pytester.makepyfile(cell_test(middle="assert not answer"))
    result = pytester.runpytest("-x", "--target=unix,qemu-cortexm")
    result.stdout.no_fnmatch_line("hil: target*")
    assert only_report(pytester)["run"]["interrupted"] is True


def test_ctrl_c_closes_the_board_and_still_writes_the_report(pytester, lab_conftest):
    pytester.makepyfile(cell_test(middle="raise KeyboardInterrupt"))
    result = pytester.runpytest_subprocess()
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["*1 booted, 0 left open*"])
    report = only_report(pytester)
    assert report["run"]["interrupted"] is True
    assert report["cells"][0]["verdict"] == "error"
    assert report["cells"][0]["reason"] == "the run was interrupted"


def test_a_report_that_breaks_its_schema_fails_the_run_and_names_the_value(lab, pytester):
    pytester.makepyfile(
        """
        from hil.report import Cell

        def test_board(hil_target, hil_record):
            cell = Cell(hil_target.name, None, None, "boot", verdict="pass")
            cell.negotiated["version"] = ["not", "text"]
            hil_record(cell)
        """
    )
    result = pytester.runpytest()
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["hil: *$.cells?0?.negotiated.version*report-rejected.json"])


def test_a_lost_artefact_fails_the_run_and_keeps_the_cell(lab, pytester):
    pytester.makepyfile(cell_test(end="log.unlink()"))
    result = pytester.runpytest()
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["hil: artefact keylog of unix-openssl-* cannot be kept*"])
    assert only_cell(pytester)["verdict"] == "pass"


@pytest.mark.parametrize("columns", [80, 100, 140])
def test_the_table_fits_the_terminal_and_cuts_nothing(pytester, lab_conftest, monkeypatch, columns):
    pytester.makepyfile(cell_test())
    monkeypatch.setenv("COLUMNS", str(columns))
    result = pytester.runpytest_subprocess("--target=qemu-cortexm")
    assert result.ret == 0
    start = next(number for number, line in enumerate(result.outlines) if "footprint" in line)
    table = result.outlines[start + 1 :]
    assert max(len(line) for line in table) <= columns
    for fact in ("qemu-cortexm", "openssl", "tls13-x509-p384", "pass", "TLSv1.3", "21,504"):
        assert any(fact in line for line in table), (fact, table)


def test_a_test_whose_body_is_not_run_leaves_a_skipped_cell(lab, pytester):
    pytester.makepyfile(cell_test())
    pytester.runpytest("--setup-only")
    assert only_cell(pytester)["reason"] == "the test's body was not run"
