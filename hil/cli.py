"""The command `hil`: what can be asked of the farm without running a test.

One function per subcommand; each returns the exit status. 0: done. 1: a `HilError`, printed
without a traceback. 2: the command line was wrong (argparse).

Larger commands have modules of their own, with a function that is given the argparse object of
subcommands and adds theirs there, with `run` set likewise. What concerns TLS comes from the rig in
the same way, by an entry point of the group `hil.commands`.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import sys
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

from hil import (
    __version__,
    build,
    components,
    history_command,
    locks_command,
    paths,
    probe_command,
    progress,
    readiness,
    report_command,
    tables,
    target,
)
from hil.compare import command as compare_command
from hil.errors import HilError
from hil.heal import command as heal_command
from hil.lab import inventory
from hil.target_file import parse


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    options = _parser().parse_args(arguments)
    try:
        status: int = options.run(options)
    except HilError as error:
        sys.stderr.write(f"hil: {error}\n")
        return 1
    except BrokenPipeError:
        # The reader, say `head`, has seen enough; nothing may be written at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
    return status


def targets(options: argparse.Namespace) -> int:
    """`hil targets`: list the boards with what is missing to run each, or check their files."""
    if options.check:
        return _check_targets(options)
    kinds = target.load_all(paths.targets_dir(), *options.target_dir)
    found = inventory.with_lab(options.lab, Path.cwd(), kinds)
    chosen = target.select(options.names, found) if options.names else list(found.values())
    sys.stdout.write(readiness.listing(chosen, width=tables.stdout_columns()))
    sys.stdout.flush()
    return 0


def _check_targets(options: argparse.Namespace) -> int:
    """Print every offence of every target file, and of the lab's; status 1 if there is one."""
    files = target.files(paths.targets_dir(), *options.target_dir)
    wrong = target.duplicates(files)
    if options.names:
        files = [path for path in files if any(fnmatch(path.stem, name) for name in options.names)]
        if not files:
            raise HilError(f"no target file is called {' or '.join(options.names)}")
    wrong += readiness.offences(files)
    checked = f"{len(files)} target files"
    lab = inventory.find(options.lab, Path.cwd())
    if lab is not None and not wrong:  # what it says depends on them
        kinds = target.load_all(paths.targets_dir(), *options.target_dir)
        wrong += inventory.offences(parse(lab), kinds)
        checked += f" and {lab}"
    sys.stdout.writelines(f"{error}\n" for error in wrong)
    sys.stdout.write(f"{checked}, {len(wrong) or 'no'} errors\n")
    sys.stdout.flush()
    return 1 if wrong else 0


def build_images(options: argparse.Namespace) -> int:
    """`hil build`: build the named images, or all of them, and say where they are."""
    known = build.available()
    names = options.images or build.by_default()
    unknown = [name for name in names if name not in known]
    if unknown:
        raise HilError(f"no image is called {unknown[0]!r}; there are {', '.join(known)}")
    for name in names:
        with progress.on_stderr(options.verbose - options.quiet) as display:
            firmware = build.ensure(name, display)
        sys.stdout.write(f"{name}  {firmware.interpreter}  {firmware.path}\n")
        sys.stdout.flush()
    return 0


def sizes(options: argparse.Namespace) -> int:
    """`hil size`: say what the bytes of firmware images are of."""
    known = build.available()
    unknown = [name for name in options.images if name not in known]
    if unknown:
        raise HilError(f"no image is called {unknown[0]!r}; there are {', '.join(known)}")
    with progress.on_stderr() as display:
        found = {name: build.ensure(name, display) for name in options.images}
    if options.format == "json":
        sys.stdout.write(components.document(found.values()))
    else:
        for firmware in found.values():
            sys.stdout.write(components.table(firmware, tables.stdout_columns()))
    sys.stdout.flush()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hil", description="Test farm for TLS on microcontrollers. Tests run under pytest."
    )
    parser.add_argument("--version", action="version", version=f"hil {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    listing = commands.add_parser("targets", help="list the boards and what is missing to run each")
    listing.add_argument("names", nargs="*", metavar="NAME", help="names or globs (default: all)")
    inventory.add_target_options(listing)
    listing.add_argument(
        "--check",
        action="store_true",
        help="check every target file instead: all errors, each with file, line and key",
    )
    listing.set_defaults(run=targets)

    building = commands.add_parser("build", help="build firmware images that are not cached")
    building.add_argument("images", nargs="*", metavar="IMAGE", help="default: all")
    how_much = building.add_mutually_exclusive_group()
    how_much.add_argument("-q", "--quiet", action="store_true", help="no progress")
    how_much.add_argument("-v", "--verbose", action="store_true", help="keep a line of every step")
    building.set_defaults(run=build_images)

    sizing = commands.add_parser("size", help="show what the bytes of a firmware image are of")
    sizing.add_argument("images", nargs="+", metavar="IMAGE", help="built first if need be")
    sizing.add_argument("--format", choices=("table", "json"), default="table")
    sizing.set_defaults(run=sizes)

    compare_command.add_parser(commands)
    heal_command.add_parser(commands)
    history_command.add_parser(commands)
    locks_command.add_parser(commands)
    report_command.add_parser(commands)
    probe_command.add_parser(commands)
    for entry in importlib.metadata.entry_points(group="hil.commands"):
        entry.load()(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
