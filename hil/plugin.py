"""pytest plugin of the farm: `--target`, booted boards as fixtures, one report per run.

Registered by its `pytest11` entry point. A test that uses `hil_target`, `dut_factory` or `dut`
runs once per selected target. A test that also uses `hil_record` fills cells: its cell is begun
before its fixtures are set up and closed by whatever ends the test (`hil.cells`), so that a
board that never boots leaves a row too. Finished cells travel with the report of the test's
teardown; the process that writes the report collects them there, which is this process or, under
pytest-xdist, its controller (`hil.xdist_plugin` has what only such runs need).

A run fails, whatever its tests say, when its report cannot be written, when it is worse than the
baseline it was to be compared with, and when a selected target executed no cell although tests that
fill cells were to run. A run that was stopped early, and a run without such tests, owes no cell.

What a cell means, which peers there are and what they are asked is not known here: the scenario
and the peer of a cell are read from the test's parameters `scenario` and `peer_name`.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hil import (
    cells,
    lab_plugin,
    limits,
    paths,
    report_plugin,
    retry_plugin,
    rig,
    target,
    xdist_plugin,
)
from hil.errors import BoardDied, BoardHang, HilError
from hil.progress import Display
from hil.report import Cell, Run
from hil.target import Target

if TYPE_CHECKING:
    from hil.boot import Board

RIG = pytest.StashKey[rig.Rig]()
DISPLAY = pytest.StashKey[Display]()
LEDGER = pytest.StashKey[cells.Ledger]()
_POSITION = pytest.StashKey[int]()
_ARCHIVE = pytest.StashKey[limits.Archive]()

_SCOPES = ("function", "class", "module", "package", "session")


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Register the farm's options; refuse to share `--target` with another plugin."""
    _refuse_pytest_embedded(pluginmanager)
    group = parser.getgroup("hil", "hardware in the loop")
    group.addoption(
        "--target",
        action="append",
        metavar="NAME",
        help="board to run on: name, glob, class:CLASS, label:LABEL, lab: (every board of the "
        "lab) or comma list; repeatable (default: unix)",
    )
    group.addoption(
        "--list-targets",
        action="store_true",
        help="list the boards, with what is missing to run each, and exit",
    )
    group.addoption(
        "--target-dir",
        action="append",
        metavar="DIR",
        type=Path,
        help="folder with target files of your own boards, besides the farm's; repeatable",
    )
    group.addoption(
        "--link",
        choices=("own", "net"),
        default="own",
        help="what carries the bytes under test: the board's own link (own: a second UART or a "
        "socket; default), or TCP over its network (net)",
    )
    group.addoption(
        "--stack",
        metavar="NAME",
        help="whose TLS the boards speak: tlscore, native (that of a board's own firmware), or "
        "both, separated by a comma (default: as each target file says)",
    )
    group.addoption(
        "--timeout-multiplier",
        metavar="FACTOR",
        type=_positive,
        default=1.0,
        help="stretch every timeout of the target files, for a slow machine (default: 1)",
    )
    lab_plugin.add_options(group)
    retry_plugin.add_options(group)
    report_plugin.add_options(group)
    parser.addini(
        "hil_dut_scope",
        f"how long a booted board is kept: {', '.join(_SCOPES)} (function: a fresh board for "
        "each test, so that stack and heap figures are its own)",
        default="function",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> int | None:
    """Answer `--list-targets` without collecting a test."""
    if not config.option.list_targets:
        return None
    from hil import readiness, tables  # noqa: PLC0415  (rich is slow to import)

    try:
        targets = lab_plugin.with_lab(config, target.load_all(*_target_dirs(config)))
        listing = readiness.listing(targets.values(), width=tables.stdout_columns())
    except HilError as error:
        raise pytest.UsageError(str(error)) from error
    sys.stdout.write(listing)
    sys.stdout.flush()
    return int(pytest.ExitCode.OK)


def pytest_configure(config: pytest.Config) -> None:
    """Select the targets, so that a wrong name is refused before anything runs."""
    scope = config.getini("hil_dut_scope")
    if scope not in _SCOPES:
        raise pytest.UsageError(f"hil_dut_scope: {scope!r} is none of {', '.join(_SCOPES)}")
    worker_input = getattr(config, "workerinput", None)
    run_id = worker_input[xdist_plugin.RUN_ID] if worker_input else None
    run = Run(config.rootpath, run_id=run_id)
    shared = config.stash[RIG] = rig.Rig(
        selected=_selected(config),
        run=run,
        directory=report_plugin.directory(config, run.id),
        holdings=lab_plugin.holdings(config),
        timeout_multiplier=config.option.timeout_multiplier,
    )
    retry_plugin.register(config, shared, lab_plugin.allowances(config), _cells_of)
    folders = report_plugin.folders(config, shared)
    config.stash[_ARCHIVE] = limits.Archive(folders, lambda: shared.run.mode)
    if worker_input is not None:
        worker = xdist_plugin.Worker(worker_input, _plan)
        config.pluginmanager.register(worker, "hil-worker")
        return
    # The last one registered is the last one to hear of the end.
    if config.getoption("tx", None):
        controller = xdist_plugin.Controller(shared, lambda: config.stash[DISPLAY])
        config.pluginmanager.register(controller, "hil-controller")
    baseline = report_plugin.baseline(config, folders)
    collector = report_plugin.Collector(config, shared, baseline)
    config.pluginmanager.register(collector, "hil-collector")


# First, for what starts with the session and needs it; the terminal's reporter is there by now.
@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Make what shows the steps of long work."""
    session.config.stash[DISPLAY] = _display(session.config)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """Say what `-n auto` means where tests are grouped by board; elsewhere xdist knows best."""
    if config.getoption("dist") != "loadgroup":
        return None
    return xdist_plugin.workers_worth_having(_selected(config))


# First, so that the target comes first in a test's id.
@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that uses a board once for each selected target."""
    if "hil_target" in metafunc.fixturenames:
        selected = metafunc.config.stash[RIG].selected
        ids = [chosen.name for chosen in selected]
        metafunc.parametrize("hil_target", selected, ids=ids, indirect=True, scope="session")


def _dut_scope(fixture_name: str, config: pytest.Config) -> Any:  # noqa: ARG001  (pytest's names)
    return config.getini("hil_dut_scope")


@pytest.fixture(scope="session")
def hil_target(request: pytest.FixtureRequest) -> Iterator[Target]:
    """The target the test runs on."""
    chosen: Target = request.param
    yield chosen
    # Between two tests of a board it stays this run's: nobody else gets it in the middle.
    if not request.config.stash.get(retry_plugin.BETWEEN_ATTEMPTS, False):
        request.config.stash[RIG].holdings.release_all(request.config.stash[DISPLAY])


@pytest.fixture(scope=_dut_scope)
def dut_factory(
    request: pytest.FixtureRequest,
    hil_target: Target,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[rig.BoardFactory]:
    """Boot boards: `dut_factory(target=None, heap_bytes=None) -> Board`, closed at the end.

    Firmware is built when it is not cached. `dut_factory.firmware()` is the firmware alone.
    """
    factory = rig.BoardFactory(
        request.config.stash[RIG],
        hil_target,
        new_log_dir=lambda name: tmp_path_factory.mktemp(name, numbered=True),
        progress=request.config.stash[DISPLAY],
    )
    yield factory
    factory.close()


@pytest.fixture(scope=_dut_scope)
def dut(dut_factory: rig.BoardFactory) -> Board:
    """The booted board under test; how long it is kept is the ini option `hil_dut_scope`."""
    return dut_factory()


@pytest.fixture
def hil_record(request: pytest.FixtureRequest, hil_target: Target) -> Callable[[Cell], None]:
    """Take a filled cell for the report: `hil_record(cell)`, with its verdict set.

    One that passed is held to the limits of its board first, which may make it `fail` or `error`.
    """
    ledger: cells.Ledger = request.node.stash[LEDGER]
    archive = request.config.stash[_ARCHIVE]

    def record(cell: Cell) -> None:
        if cell.target == hil_target.name:
            limits.judge(cell, hil_target, archive.last_met)
        ledger.record(cell)

    return record


def pytest_collection_finish(session: pytest.Session) -> None:
    """Number the tests: the report has their cells in this order, whoever runs them when."""
    for position, item in enumerate(session.items):
        item.stash[_POSITION] = position


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Begin the cell of a test that fills one, before any fixture can fail."""
    begun = _cell_of(item)
    chosen = _parameters(item).get("hil_target")
    if begun is not None and chosen is not None:
        item.stash[LEDGER] = cells.Ledger(begun)
        item.config.stash[RIG].begin(item.stash[LEDGER], chosen, item.stash[_POSITION])
    if chosen is not None and chosen.quarantine is not None:
        item.add_marker(pytest.mark.skip(reason=chosen.quarantine))  # pytest's own hook comes next


def _cell_of(item: pytest.Item) -> Cell | None:
    """Return the cell that a test fills, as far as it is known before it runs."""
    parameters = _parameters(item)
    chosen = parameters.get("hil_target")
    if "hil_record" not in getattr(item, "fixturenames", ()) or chosen is None:
        return None
    scenario = parameters.get("scenario", getattr(item, "originalname", item.name))
    role = getattr(scenario, "role", None)
    return Cell(
        target=chosen.name,
        peer=parameters.get("peer_name"),
        peer_version=None,
        scenario=getattr(scenario, "name", str(scenario)),
        role=role if role in ("client", "server") else None,
        test=item.nodeid,
    )


def _cells_of(item: pytest.Item) -> Sequence[Cell]:
    """Return the cells of a test: once it runs those it has filled, before that what is known."""
    if LEDGER in item.stash:
        return item.stash[LEDGER].cells()
    begun = _cell_of(item)
    return [] if begun is None else [begun]


def _plan(items: Iterable[pytest.Item]) -> dict[str, xdist_plugin.Planned]:
    """Return what is known of the tests that use a board before they run, by their ids."""
    plan = {}
    for position, item in enumerate(items):
        chosen = _parameters(item).get("hil_target")
        if chosen is not None:
            cell = _cell_of(item)
            plan[item.nodeid] = xdist_plugin.Planned(
                position,
                board=chosen.name,
                boots="dut_factory" in getattr(item, "fixturenames", ()),
                cell=None if cell is None else cell.document(),
            )
    return plan


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Close the cells of a test with what ended it, and make pytest's outcome agree."""
    report = yield
    item.config.stash[DISPLAY].end()
    shared = item.config.stash[RIG]
    error = call.excinfo.value if call.excinfo is not None else None
    if report.failed and not isinstance(error, (BoardHang, BoardDied)):  # these end with it
        tails = shared.console_tails()
        report.sections.extend((f"console of {name}", tail) for name, tail in tails)
    ledger = item.stash.get(LEDGER, None)
    if ledger is not None and error is not None:
        ledger.close(*_verdict(error))
    hung = ledger is not None and any(cell.verdict == "hang" for cell in ledger.cells())
    if hung or isinstance(error, (BoardHang, BoardDied)):
        shared.close_boards()  # a board kept for later tests must not hang them one by one
    if ledger is None:
        return report
    if report.failed and isinstance(error, HilError):
        verdict = cells.verdict_of(error)
        if cells.outcome_of(verdict) == "skipped":  # a board that could not be had
            report.outcome, report.longrepr = "skipped", (*_place(item), f"{verdict}: {error}")
    if report.when == "call" and report.passed:
        unavailable, problem = ledger.unavailable(), ledger.disagreement()
        if unavailable is not None:
            report.outcome, report.longrepr = "skipped", (*_place(item), unavailable)
        elif problem is not None:
            report.outcome, report.longrepr = "failed", problem
            ledger.close("error", problem)
    if report.when == "teardown":
        setattr(report, report_plugin.SENT_CELLS, shared.finish(ledger))
    return report


def _verdict(error: BaseException) -> tuple[str, str]:
    """Return the verdict and reason of what ended a test, pytest's own exceptions included."""
    if isinstance(error, pytest.skip.Exception):
        return "skip", str(error) or "skipped without a reason"
    if isinstance(error, pytest.fail.Exception):
        return "fail", str(error) or "failed without a reason"
    return cells.verdict_of(error), cells.reason_of(error)


def _place(item: pytest.Item) -> tuple[str, int]:
    """Return the file and line of a test, as pytest shows them for one that is skipped."""
    path, line, _ = item.reportinfo()
    return str(path), (line or 0) + 1


def _parameters(item: pytest.Item) -> Mapping[str, Any]:
    callspec = getattr(item, "callspec", None)
    return callspec.params if callspec is not None else {}


def _selected(config: pytest.Config) -> list[Target]:
    """Return the targets chosen on the command line; a wrong name is the user's error."""
    try:
        targets = lab_plugin.with_lab(config, target.load_all(*_target_dirs(config)))
        selected = target.select(config.option.target or ["unix"], targets, to_run=True)
        for wrong in limits.unknown_scenarios(selected):
            raise wrong
        if config.option.stack is not None:
            selected = target.with_stacks(selected, config.option.stack)
        return target.over_network(selected) if config.option.link == "net" else selected
    except HilError as error:
        raise pytest.UsageError(str(error)) from error


def _target_dirs(config: pytest.Config) -> list[Path]:
    return [paths.targets_dir(), *(config.option.target_dir or [])]


def _display(config: pytest.Config) -> Display:
    """Return what shows the steps of long work while pytest captures output."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:  # a worker of xdist: nobody would see it
        return Display(lambda _: None)
    capture = config.pluginmanager.get_plugin("capturemanager")

    def begin_line() -> None:
        with capture.global_and_fixture_disabled() if capture else nullcontext():
            reporter.ensure_newline()

    def write_line(line: str) -> None:
        with capture.global_and_fixture_disabled() if capture else nullcontext():
            reporter.ensure_newline()
            reporter.write_line(line)
            reporter.flush()  # whoever reads a pipe wants to know now

    terminal = None
    if reporter.isatty:
        # Standard output is captured while tests run; this is where it goes otherwise.
        terminal = os.fdopen(os.dup(sys.stdout.fileno()), "w")
        config.add_cleanup(terminal.close)
    verbosity = config.option.verbose
    return Display(write_line, terminal=terminal, prepare=begin_line, verbosity=verbosity)


def _positive(text: str) -> float:
    try:
        factor = float(text)
    except ValueError:
        factor = math.nan
    if not 0 < factor < math.inf:
        raise argparse.ArgumentTypeError(f"must be a number above 0, not {text!r}")
    return factor


def _refuse_pytest_embedded(pluginmanager: pytest.PytestPluginManager) -> None:
    """Say what to do about a plugin that registers `--target` too, whichever comes first."""
    if pluginmanager.is_blocked("pytest_embedded"):
        return
    for entry in metadata.entry_points(group="pytest11"):
        if entry.value.split(".")[0].partition(":")[0] == "pytest_embedded":
            raise pytest.UsageError(
                "pytest-embedded is installed and has an option --target of its own; run with "
                "`-p no:pytest_embedded` (or `-p no:hil -p no:hil-tls` to use it instead)"
            )
