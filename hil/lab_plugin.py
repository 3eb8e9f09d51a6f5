"""The part of the plugin for boards on cables: options that say which, and who waits for whom."""

from __future__ import annotations

import argparse
import math
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from hil.lab import inventory, lease
from hil.lab.holdings import Holdings
from hil.retry_list import Allowance
from hil.target import Target

_LAB = pytest.StashKey[inventory.Inventory | None]()


def add_options(group: pytest.OptionGroup) -> None:
    """Register the options of a lab."""
    group.addoption(
        "--lab",
        metavar="FILE",
        type=Path,
        help="which boards hang where (default: $HIL_LAB, or lab.toml in the root of the project)",
    )
    group.addoption(
        "--wait-for-board",
        metavar="SECONDS",
        type=_seconds,
        default=0.0,
        help="how long to wait for a board on a cable that somebody else uses, before its cells "
        "are `locked` (default: 0)",
    )


def with_lab(config: pytest.Config, targets: Mapping[str, Target]) -> Mapping[str, Target]:
    """Return targets with the boards of the lab among them, if there is a lab.

    Raises:
        HilError: there is no such file, or something is wrong in it.
    """
    path = inventory.find(config.option.lab, config.rootpath)
    lab = config.stash[_LAB] = None if path is None else inventory.load(path, targets)
    return targets if lab is None else lab.among(targets)


def allowances(config: pytest.Config) -> Sequence[Allowance]:
    """Return which cells may be tried again, as the lab says."""
    lab = config.stash.get(_LAB, None)
    return lab.allowances if lab is not None else ()


def holdings(config: pytest.Config) -> Holdings:
    """Return what this process holds, which begins with nothing."""
    worker_input = getattr(config, "workerinput", None)
    argv = worker_input["mainargv"] if worker_input else sys.argv
    program = Path(argv[0])
    name = program.parent.name if program.name == "__main__.py" else program.name  # python -m
    job = shlex.join([name, *argv[1:]])
    lab = config.stash.get(_LAB, None)
    shared = lab.leases if lab is not None else None
    return Holdings(lease.folder(shared), job, config.option.wait_for_board)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise argparse.ArgumentTypeError(f"must be a number of seconds, not {text!r}")
    return seconds
