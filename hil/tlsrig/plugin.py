"""pytest plugin of the TLS rig: `--peer`, `--scenario`, and the cells they span.

Registered by its `pytest11` entry point, beside `hil.plugin`, which chooses the targets. A test of
a board that uses `peer_name` runs once per chosen peer, one that uses `scenario` once per chosen
scenario, which gives ids like `test_handshake[qemu-cortexm-openssl-tls13-x509-p256]`.
`tls_cell` runs the cell those three name. A peer that is not installed skips its cells with the
command that installs it.

`--record=DIR` keeps what both ends of each passed cell said as a cassette; `--replay[=DIR]` runs
the cells against cassettes, without any peer (`hil.tlsrig.cassette`). Without `--scenario` both are
about the scenarios that the folder has cassettes of. `--measure=full` looks for the smallest heap,
`--measure=none` asks for correctness alone, on emulators that need not count instructions.
"""

from __future__ import annotations

import secrets
import shlex
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hil import build, image
from hil.errors import HilError, MissingTool
from hil.plugin import DISPLAY, RIG
from hil.tlsrig import board_modules, cassette, echo_option, link_options, peers, scenario_sets
from hil.tlsrig import scenario as declared
from hil.tlsrig.native import abilities as native_abilities
from hil.tlsrig.scenario import Scenario

if TYPE_CHECKING:
    from hil.boot import Board
    from hil.peer import Program
    from hil.report import Cell
    from hil.target import Target
    from hil.tlsrig.cassette import Cassette

_PEERS = pytest.StashKey[list[str]]()
_SCENARIOS = pytest.StashKey[list[Scenario]]()

# Entropy input and nonce of the board's generator (SP 800-90A table 2: 32 and 16 bytes).
_SEED_BYTES = 48
# Who the other end is where nobody says; a scenario of one device has its own.
_USUAL_PEER = "openssl"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Register the rig's options."""
    group = parser.getgroup("hil", "hardware in the loop")
    group.addoption(
        "--peer",
        action="append",
        metavar="NAME",
        help=f"reference peer: name, glob or comma list; repeatable (default: {_USUAL_PEER}, and "
        f"of devices of the past who plays them; there are {', '.join(peers.names())})",
    )
    group.addoption(
        "--scenario",
        action="append",
        metavar="NAME",
        help="TLS scenario: name, glob, comma list, set:pairwise or set:every; repeatable "
        "(default: all that are declared)",
    )
    group.addoption(
        "--echo",
        metavar="SIZE[xCOUNT]",
        help="echo that after a handshake instead of the scenario's own payloads: bytes, and how "
        "often (1 MB: 16384x64)",
    )
    link_options.add_to(group)
    group.addoption(
        "--record",
        metavar="DIR",
        type=Path,
        help="keep what board and peer said in each passed cell as a cassette in DIR; without "
        "--scenario: of the scenarios that DIR has cassettes of",
    )
    group.addoption(
        "--replay",
        metavar="DIR",
        nargs="?",
        type=Path,
        const=cassette.shipped(),
        help="run the cells against the cassettes in DIR, without a peer (write --replay=DIR; "
        "default: the farm's own)",
    )
    group.addoption(
        "--measure",
        choices=("none", "quick", "full"),
        default="quick",
        help="full: look for the smallest heap each conversation completes in as well, which "
        "takes about ten boots a cell; none: correctness alone: emulators need not count "
        "instructions, and no figure is held to a limit (default: quick)",
    )


# Last, for the farm's own plugin has chosen the targets by then.
@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Choose peers and scenarios, so that a wrong name is refused before anything runs."""
    try:
        known_peers = dict.fromkeys(peers.names())
        chosen_peers = declared.select(
            peers.renamed(config.option.peer or _default_peers(config)), known_peers, "peer"
        )
        config.stash[_PEERS] = chosen_peers
        known = declared.load_all()
        taped = _taped(config, chosen_peers)
        patterns = config.option.scenario or taped or ["*"]
        chosen = scenario_sets.choose(patterns, known)
        chosen = link_options.on_links(chosen, config.option.link_profile, config.option.link_seeds)
        config.stash[_SCENARIOS] = echo_option.echoing(chosen, config.option.echo)
    except HilError as error:
        raise pytest.UsageError(str(error)) from error
    shared = config.stash[RIG]
    if config.option.replay is not None:
        shared.run.mode = "replay"
    if config.option.measure == "none":
        shared.run.mode = "correctness"
        shared.selected[:] = [chosen.for_correctness() for chosen in shared.selected]
    if config.option.echo is not None:
        shared.selected[:] = [chosen.without_limits() for chosen in shared.selected]


def _default_peers(config: pytest.Config) -> list[str]:
    """Return who takes the other end where nobody chose: in a replay, who is on its cassettes."""
    folder: Path | None = config.option.replay
    taped = cassette.peers_in(folder) if folder is not None else []
    return taped or [_USUAL_PEER]


def _taped(config: pytest.Config, chosen_peers: list[str]) -> list[str]:
    """Return the scenarios that there are cassettes of, if the run is about cassettes.

    Raises:
        UsageError: the options contradict each other, or there is no cassette to play.
    """
    record, replay = config.option.record, config.option.replay
    if replay is not None and config.option.measure == "none":
        raise pytest.UsageError("--measure=none: a replay is there for its figures")
    if config.option.echo is not None and (record is not None or replay is not None):
        raise pytest.UsageError("--echo: a cassette holds what its own scenario echoes")
    if record is not None and replay is not None:
        raise pytest.UsageError("--record and --replay: a run does one or the other")
    if record is not None and len(config.stash[RIG].selected) > 1:
        raise pytest.UsageError(
            "--record: a cassette is of one board and serves all; choose one --target"
        )
    if replay is not None and not any(replay.glob("*.json")):
        raise pytest.UsageError(
            f"--replay: no cassettes in {replay}; write --replay=DIR, or --replay behind the tests "
            "for the farm's own"
        )
    folder: Path | None = record or replay
    found = cassette.scenarios_in(folder, chosen_peers) if folder is not None else []
    if replay is not None and not found and not config.option.scenario:
        raise pytest.UsageError(
            f"--replay: no cassettes with {' or '.join(chosen_peers)} in {replay}, but with "
            f"{', '.join(cassette.peers_in(replay))}; choose with --peer"
        )
    return found


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say where the cassettes are that the run recorded, and what nobody measured or judged."""
    if config.option.measure == "none":
        terminalreporter.write_line(
            "--measure=none: correctness alone; emulators did not count instructions unless their "
            "link needs it, and no figure was held to a limit"
        )
    elif config.option.echo is not None:
        terminalreporter.write_line(
            "--echo: no figure was held to a limit, which is for what the scenario itself echoes"
        )
    if config.option.record is not None:
        terminalreporter.write_line(f"cassettes: {config.option.record}")


# Last, so that peer and scenario follow the target in a test's id.
@pytest.hookimpl(trylast=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test of a board once for each chosen peer and scenario it asks for."""
    names = metafunc.config.stash[_PEERS]
    scenarios = metafunc.config.stash[_SCENARIOS]
    if not metafunc.config.option.peer and _wants(metafunc, "peer_name", "scenario"):
        folder: Path | None = metafunc.config.option.replay
        pairs = [(name, chosen) for chosen in scenarios for name in _usual_peers(chosen, folder)]
        ids = [f"{name}-{chosen.name}" for name, chosen in pairs]
        metafunc.parametrize(("peer_name", "scenario"), pairs, ids=ids)
        return
    if _wants(metafunc, "peer_name"):
        metafunc.parametrize("peer_name", names, ids=names)
    if _wants(metafunc, "scenario"):
        metafunc.parametrize("scenario", scenarios, ids=[chosen.name for chosen in scenarios])


def _usual_peers(chosen: Scenario, replayed: Path | None) -> list[str]:
    """Return who takes the other end of a scenario where nobody chose: one peer, or its device.

    In a replay those that there is a cassette with, if there is any.
    """
    taped = [] if replayed is None else cassette.peers_in(replayed, chosen.name)
    if taped:
        return taped
    if chosen.peer.device is None:
        return [_USUAL_PEER]
    role = "server" if chosen.role == "client" else "client"
    return [name for name in peers.names() if peers.lacking(name, role, chosen.needs) is None]


def _wants(metafunc: pytest.Metafunc, *names: str) -> bool:
    """Whether a test asks us for these: other people's tests may use the words as well."""
    marks = metafunc.definition.iter_markers("parametrize")
    its_own = {
        name for mark in marks for name in str(mark.args[0]).replace(",", " ").split() if name
    }
    used = metafunc.fixturenames
    return "hil_target" in used and set(names) <= set(used) and not its_own & set(names)


@pytest.fixture
def peer(peer_name: str) -> Program:
    """The reference peer's installed program; skips when there is none."""
    try:
        return peers.load(peer_name).program()
    except MissingTool as error:
        pytest.skip(str(error))


@pytest.fixture
def able_peer(peer_name: str, scenario: Scenario, request: pytest.FixtureRequest) -> Program | None:
    """The reference peer's program; skips when it cannot do what the scenario needs.

    None where a cassette takes its place.
    """
    if request.config.option.replay is not None:
        return None
    peer: Program = request.getfixturevalue("peer")
    role = "server" if scenario.role == "client" else "client"
    lacking = peers.lacking(peer_name, role, scenario.needs)
    if lacking is not None:
        pytest.skip(lacking)
    return peer


@pytest.fixture
def able_target(hil_target: Target, scenario: Scenario, request: pytest.FixtureRequest) -> Target:
    """The board's facts; skips when its image leaves out what the scenario needs."""
    if hil_target.stack == "native":
        return _able_native(hil_target, scenario, request)
    if hil_target.image in build.available():
        modules = build.modules_of(image.load(hil_target.image))
        if hil_target.klass == "attached" and not modules:
            return hil_target  # stock firmware: its driver installs what is not in it
        replayed = request.config.option.replay is not None
        lacking = board_modules.lacking(scenario, hil_target.image, modules, to_the_byte=replayed)
        if lacking is not None:
            pytest.skip(lacking)
    return hil_target


def _able_native(chosen: Target, scenario: Scenario, request: pytest.FixtureRequest) -> Target:
    """The board's facts where its firmware's own TLS is tried; skips when that cannot do it.

    Raises:
        HilError: firmware of the farm's that has none.
    """
    recipe = image.load(chosen.image) if chosen.image in build.available() else None
    is_ours = recipe is not None and (chosen.klass != "attached" or build.modules_of(recipe))
    if recipe is not None and is_ours and not recipe.native_tls:
        able = [name for name in build.available() if image.load(name).native_tls]
        raise HilError(
            f"{chosen.name}: the image {chosen.image} has no `ssl`, so there is no native stack to "
            f"try; images that have one: {', '.join(able)} (targets of the same names)"
        )
    if request.config.option.replay is not None or request.config.option.record is not None:
        pytest.skip("the random bytes of a native stack are its own: there is nothing to record")
    lacking = native_abilities.lacking(scenario)
    if lacking is not None:
        pytest.skip(lacking)
    return chosen


@pytest.fixture
def tls_cassette(
    scenario: Scenario, peer_name: str, request: pytest.FixtureRequest
) -> Cassette | None:
    """The cassette that is to be played; skips when there is none; None in a live run.

    Raises:
        CassetteError, Outdated: it cannot be used; said before a board is booted in vain.
    """
    from hil.tlsrig import replay  # noqa: PLC0415  (only replays pay for it)

    folder: Path | None = request.config.option.replay
    if folder is None:
        return None
    path = cassette.file_of(folder, scenario.name, peer_name)
    command = _recording(request, scenario, peer_name)
    if not path.is_file():
        pytest.skip(f"no cassette of {scenario.name} with {peer_name}; record one: {command}")
    try:
        found = cassette.read(path)
        replay.require_current(scenario, found)
    except replay.Outdated as error:
        raise replay.Outdated(f"{error}; record it anew: {command}") from error
    return found


def _recording(request: pytest.FixtureRequest, scenario: Scenario, peer_name: str) -> str:
    """Return the command that records a cassette."""
    folder: Path = request.config.option.replay
    words = [
        "pytest",
        _shown(request.path, request.config),
        "--target=unix",
        f"--peer={peer_name}",
        f"--scenario={scenario.name}",
        f"--record={_shown(folder, request.config)}",
    ]
    return shlex.join(words)


def _shown(path: Path, config: pytest.Config) -> str:
    here = config.invocation_params.dir
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


@pytest.fixture
def tls_cell(
    scenario: Scenario,
    peer_name: str,
    able_peer: Program | None,  # noqa: ARG001  (skips before a board is booted in vain)
    able_target: Target,  # noqa: ARG001  (likewise)
    tls_cassette: Cassette | None,
    dut: Board,
    request: pytest.FixtureRequest,
) -> Callable[[], Cell]:
    """Return the function that runs this test's cell on its board, once."""
    # Only boards pay for these.
    from hil.tlsrig import cell, heap, outcome, replay_cell  # noqa: PLC0415
    from hil.tlsrig.native import meeting  # noqa: PLC0415

    if dut.target.stack == "native":
        unable = meeting.lacking(scenario, dut)
        if unable is not None:
            pytest.skip(unable)
    option = request.config.option
    temporary: pytest.TempPathFactory = request.getfixturevalue("tmp_path_factory")
    log_dir = temporary.mktemp("tls", numbered=True)
    multiplier: float = option.timeout_multiplier
    search = None
    if option.measure == "full":
        search = heap.Search(
            scenario,
            partial(_trial, dut, temporary.mktemp("trials", numbered=True), multiplier),
            log_dir / f"{outcome.HEAP_SEARCH}.txt",
            request.config.stash[DISPLAY],
            multiplier,
        )
    if tls_cassette is not None:
        return partial(
            replay_cell.run,
            scenario,
            tls_cassette,
            dut,
            log_dir=log_dir,
            remedy=_recording(request, scenario, peer_name),
            timeout_multiplier=multiplier,
            smallest_heap=search,
        )
    return partial(
        cell.run,
        scenario,
        peer_name,
        dut,
        seed=secrets.token_bytes(_SEED_BYTES),
        log_dir=log_dir,
        timeout_multiplier=multiplier,
        record=partial(_record, option.record) if option.record is not None else None,
        smallest_heap=search,
    )


def _record(folder: Path, conversation: Cassette) -> None:
    cassette.write(conversation, folder)


def _trial(dut: Board, log_dir: Path, multiplier: float, heap_bytes: int | None) -> Board:
    """Boot a board like `dut` for a trial that is no cell of its own."""
    from hil import boot  # noqa: PLC0415

    return boot.boot(
        dut.target,
        dut.firmware,
        log_dir=log_dir,
        heap_bytes=heap_bytes,
        timeout_multiplier=multiplier,
    )
