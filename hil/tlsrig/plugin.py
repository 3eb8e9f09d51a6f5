"""pytest plugin of the TLS rig: `--peer`, `--scenario`, and the cells they span.

Registered by its `pytest11` entry point, beside `hil.plugin`, which chooses the targets. A test of
a board that uses `peer_name` runs once per chosen peer, one that uses `scenario` once per chosen
scenario, which gives ids like `test_handshake[qemu-cortexm-openssl-tls13-x509-p256]`.
`tls_cell` runs the cell those three name. A peer that is not installed skips its cells with the
command that installs it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import pytest

from hil import build, image
from hil.errors import HilError, MissingTool
from hil.tlsrig import board_modules, peers
from hil.tlsrig import scenario as declared
from hil.tlsrig.scenario import Scenario

if TYPE_CHECKING:
    from hil.boot import Board
    from hil.peer import Program
    from hil.report import Cell
    from hil.target import Target

_PEERS = pytest.StashKey[list[str]]()
_SCENARIOS = pytest.StashKey[list[Scenario]]()

# Entropy input and nonce of the board's generator (SP 800-90A table 2: 32 and 16 bytes).
_SEED_BYTES = 48


def pytest_addoption(parser: pytest.Parser) -> None:
    """Register the rig's options."""
    group = parser.getgroup("hil", "hardware in the loop")
    group.addoption(
        "--peer",
        action="append",
        metavar="NAME",
        help=f"reference peer: name, glob or comma list; repeatable (default: openssl; "
        f"there are {', '.join(peers.names())})",
    )
    group.addoption(
        "--scenario",
        action="append",
        metavar="NAME",
        help="TLS scenario: name, glob or comma list; repeatable (default: all)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Choose peers and scenarios, so that a wrong name is refused before anything runs."""
    try:
        known_peers = dict.fromkeys(peers.names())
        config.stash[_PEERS] = declared.select(
            config.option.peer or ["openssl"], known_peers, "peer"
        )
        known = declared.load_all()
        chosen = declared.select(config.option.scenario or ["*"], known, "scenario")
        config.stash[_SCENARIOS] = [known[name] for name in chosen]
    except HilError as error:
        raise pytest.UsageError(str(error)) from error


# Last, so that peer and scenario follow the target in a test's id.
@pytest.hookimpl(trylast=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test of a board once for each chosen peer and scenario it asks for."""
    names = metafunc.config.stash[_PEERS]
    scenarios = metafunc.config.stash[_SCENARIOS]
    if _wants(metafunc, "peer_name"):
        metafunc.parametrize("peer_name", names, ids=names)
    if _wants(metafunc, "scenario"):
        metafunc.parametrize("scenario", scenarios, ids=[chosen.name for chosen in scenarios])


def _wants(metafunc: pytest.Metafunc, name: str) -> bool:
    """Whether a test asks us for `name`: other people's tests may use the word as well."""
    marks = metafunc.definition.iter_markers("parametrize")
    is_its_own = any(name in str(mark.args[0]).replace(",", " ").split() for mark in marks)
    used = metafunc.fixturenames
    return "hil_target" in used and name in used and not is_its_own


@pytest.fixture
def peer(peer_name: str) -> Program:
    """The reference peer's installed program; skips when there is none."""
    try:
        return peers.load(peer_name).program()
    except MissingTool as error:
        pytest.skip(str(error))


@pytest.fixture
def able_peer(peer_name: str, peer: Program, scenario: Scenario) -> Program:
    """The reference peer's program; skips when it cannot do what the scenario needs."""
    lacking = peers.load(peer_name).lacks(scenario.needs)
    if lacking is not None:
        pytest.skip(lacking)
    return peer


@pytest.fixture
def able_target(hil_target: Target, scenario: Scenario) -> Target:
    """The board's facts; skips when its image leaves out what the scenario needs."""
    if hil_target.image in build.available():
        modules = build.modules_of(image.load(hil_target.image))
        lacking = board_modules.lacking(scenario, hil_target.image, modules)
        if lacking is not None:
            pytest.skip(lacking)
    return hil_target


@pytest.fixture
def tls_cell(
    scenario: Scenario,
    peer_name: str,
    able_peer: Program,  # noqa: ARG001  (skips before a board is booted in vain)
    able_target: Target,  # noqa: ARG001  (likewise)
    dut: Board,
    request: pytest.FixtureRequest,
) -> Callable[[], Cell]:
    """Return the function that runs this test's cell on its board, once."""
    from hil.tlsrig import cell  # noqa: PLC0415  (only runs with boards pay for it)

    temporary: pytest.TempPathFactory = request.getfixturevalue("tmp_path_factory")
    return partial(
        cell.run,
        scenario,
        peer_name,
        dut,
        seed=secrets.token_bytes(_SEED_BYTES),
        log_dir=temporary.mktemp("tls", numbered=True),
        timeout_multiplier=request.config.option.timeout_multiplier,
    )
