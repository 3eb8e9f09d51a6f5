"""What the farm knows of one board: the facts in `targets/<name>.toml`, loaded and selected.

A target file holds facts only, never behaviour: which image the board runs, how it is started,
what carries its console and its data. The drivers named here live in `hil.boot`. This module
does not touch the board, the image or the machine; `hil.readiness` says what is missing to run.
"""

from __future__ import annotations

import difflib
import fnmatch
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Literal, cast

from hil import measure, paths, target_file
from hil.errors import HilError, TargetFileError

TargetClass = Literal["emulated", "attached", "process"]
Endian = Literal["little", "big"]
Stack = Literal["tlscore", "native"]
STACKS: tuple[Stack, ...] = ("tlscore", "native")

_CLASS_PREFIX = "class:"
_LABEL_PREFIX = "label:"
_LAB_PREFIX = "lab:"
# So many names in a message; a lab may have hundreds.
_SHOWN = 20


class TargetSelectionError(HilError):
    """A name or pattern that matches no target file."""


@dataclass(frozen=True)
class BootSpec:
    """How the board is started: a driver of `hil.boot` and that driver's own arguments."""

    driver: str
    arguments: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class ConsoleSpec:
    """What carries commands and their answers: `raw_repl` or `socketpair`."""

    driver: str


@dataclass(frozen=True)
class LinkSpec:
    """What carries the bytes under test: `uart` (its number on the board), `socketpair`, `net`.

    `counted`: it is fast only while the emulator counts instructions.
    """

    driver: str
    uart: int | None = None
    counted: bool = False


@dataclass(frozen=True)
class Timeouts:
    """How long to wait for the board, in seconds of the host before the multiplier.

    Attributes:
        heal_s: for all that is done to a board on a cable that does not boot, together.
    """

    boot_s: float = 20.0
    job_s: float = 60.0
    heal_s: float = 60.0


@dataclass(frozen=True)
class Limits:
    """Budgets of a board: measurement -> highest value, for every scenario and by scenario."""

    general: Mapping[str, int] = field(default_factory=dict)
    of_scenario: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class FarPlace:
    """A place of labgrid's at which a board is: the one of that name, or any one with those tags.

    Attributes:
        coordinator: address as `host:port`.
        port: name of its serial port, which tells it from others there; None where it has one.
    """

    coordinator: str
    name: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    port: str | None = None


@dataclass(frozen=True)
class Place:
    """What the file of a lab says of one board beside what its target file says (`hil.lab`).

    Attributes:
        quarantine: why it is not used for the time being; None when it is.
        power: the command that switches its supply, with `{action}` for `off` or `on`; () for none.
        firmware: the file that belongs on it; None when the lab does not say.
        reflash: whether it may be flashed with that without asking, when nothing else heals it.
        far: where labgrid has it; None for a board that has a port of its own.
        wifi: file with what its radio needs to join a network (`hil.wireless`).
    """

    lab: Path
    labels: tuple[str, ...] = ()
    quarantine: str | None = None
    power: tuple[str, ...] = ()
    firmware: Path | None = None
    reflash: bool = False
    far: FarPlace | None = None
    wifi: Path | None = None


@dataclass(frozen=True)
class Target:
    """One board. Optional figures are None where the board has no such thing.

    `stack` is whose TLS it speaks: `tlscore`, or `native`, that of its firmware. Where that is
    another than in its file, `board` is the name of the same board with the file's. `counted` is
    False where an emulator that could count instructions is told not to.
    """

    name: str
    description: str
    klass: TargetClass
    cpu: str
    isa: str
    endian: Endian
    word_bits: int
    clock_hz: int | None
    ticks_cpu_hz: int | None
    ram_bytes: int | None
    flash_bytes: int | None
    image: str
    boot: BootSpec
    console: ConsoleSpec
    link: LinkSpec
    timeouts: Timeouts
    network: Mapping[str, object]
    identify: Mapping[str, object]
    flash: Mapping[str, object]
    limits: Limits
    path: Path
    place: Place | None = None
    noise: str | None = None
    noise_pin: int | None = None
    verified: bool = True
    stack: Stack = "tlscore"
    board_name: str | None = None
    counted: bool = True

    @property
    def board(self) -> str:
        """Name of the board, of which there may be several targets in a run: one at a time."""
        return self.board_name or self.name

    @property
    def kind(self) -> str:
        """Name of the target file; a lab may have several boards of a kind, with own names."""
        return self.path.stem

    @property
    def is_reachable(self) -> bool:
        """Whether it can be begun with: of a board on a cable one must know which it is.

        Somebody has named its port, or what tells it from other boards, or it is a lab's.
        """
        known = {"port" in self.boot.arguments, "usb_serial" in self.identify}
        known |= {"usb_path" in self.identify, self.place is not None}
        return self.klass != "attached" or any(known)

    @property
    def quarantine(self) -> str | None:
        """Say why the board is not to be used; None when it may be."""
        if self.place is None or self.place.quarantine is None:
            return None
        return f"in quarantine: {self.place.quarantine} ({self.place.lab.name})"

    @property
    def instructions_per_tick(self) -> Fraction | None:
        """Guest instructions in one tick of the board's `time.ticks_cpu()`, or None."""
        shift = self.boot.arguments.get("icount_shift")
        if not isinstance(shift, int) or self.ticks_cpu_hz is None:
            return None
        return measure.instructions_per_tick(self.ticks_cpu_hz, shift)

    def without_limits(self) -> Target:
        """The same board for a conversation that its limits are not for."""
        return replace(self, limits=Limits())

    def for_correctness(self) -> Target:
        """The same board where nobody asks for figures, as fast as its link can be."""
        return self.without_limits() if self.link.counted else self.uncounted()

    def uncounted(self) -> Target:
        """The same board with nobody counting its instructions, for tests that measure nothing.

        The emulator then need not stop to work out its virtual time: four times as fast where
        much goes over a serial port. Its clock is the host's. Other boards are as they were, and
        none has limits: they are for figures of a board that is measured.
        """
        counting = ("icount_shift",)
        arguments = {k: v for k, v in self.boot.arguments.items() if k not in counting}
        counted = arguments.keys() == self.boot.arguments.keys()
        boot = replace(self.boot, arguments=arguments)
        return replace(self, boot=boot, limits=Limits(), counted=counted)

    @property
    def no_instruction_count_reason(self) -> str | None:
        """Say why `instructions_per_tick` is None; None when there is a count."""
        if self.instructions_per_tick is not None:
            return None
        if not self.counted:
            return "a run for correctness alone: the emulator did not count its instructions"
        if self.klass == "process":
            return "runs as a host process: no timer counts its instructions"
        if self.klass == "attached":
            return "a board on a cable: nothing counts its instructions"
        return f"{self.path.name} gives no ticks_cpu_hz with boot.icount_shift"


def load(path: Path) -> Target:
    """Read one target file.

    Raises:
        TargetFileError: the file cannot be read, is not TOML, or has an unknown, missing or
            wrong key; the message names file, key and line.
    """
    document = target_file.read(path)
    boot = dict(document.table("boot"))
    console = document.table("console")
    link = document.table("link")
    return Target(
        name=path.stem,
        description=cast(str, document.values["description"]),
        klass=cast(TargetClass, document.values["class"]),
        cpu=cast(str, document.values["cpu"]),
        isa=cast(str, document.values["isa"]),
        endian=cast(Endian, document.values["endian"]),
        word_bits=cast(int, document.values["word_bits"]),
        clock_hz=cast("int | None", document.values.get("clock_hz")),
        ticks_cpu_hz=cast("int | None", document.values.get("ticks_cpu_hz")),
        ram_bytes=cast("int | None", document.values.get("ram_bytes")),
        flash_bytes=cast("int | None", document.values.get("flash_bytes")),
        image=cast(str, document.values["image"]),
        boot=BootSpec(driver=cast(str, boot.pop("driver")), arguments=boot),
        console=ConsoleSpec(driver=cast(str, console["driver"])),
        link=LinkSpec(
            driver=cast(str, link["driver"]),
            uart=cast("int | None", link.get("uart")),
            counted=cast(bool, link.get("counted", False)),
        ),
        timeouts=Timeouts(**cast("dict[str, float]", document.table("timeouts"))),
        network=document.table("network"),
        identify=document.table("identify"),
        flash=document.table("flash"),
        limits=Limits(*document.limits()),
        path=path,
        noise=cast("str | None", document.values.get("noise")),
        noise_pin=cast("int | None", document.values.get("noise_pin")),
        verified=cast(bool, document.values.get("verified", True)),
        stack=cast(Stack, document.values.get("stack", "tlscore")),
    )


def files(*directories: Path) -> list[Path]:
    """Return the target files of the given folders (default: the farm's own).

    Raises:
        HilError: a folder does not exist or holds no target file.
    """
    found: list[Path] = []
    for directory in directories or (paths.targets_dir(),):
        here = sorted(directory.glob("*.toml"))
        if not here:
            raise HilError(f"{directory}: no target files (*.toml) here")
        found.extend(here)
    return found


def load_all(*directories: Path) -> dict[str, Target]:
    """Read every target file of the given folders (default: the farm's own), sorted by name.

    Raises:
        TargetFileError: a file is wrong, or two files have the same name.
        HilError: a folder does not exist or holds no target file.
    """
    found = files(*directories)
    for error in duplicates(found):
        raise error
    return {path.stem: load(path) for path in sorted(found, key=lambda path: path.stem)}


def duplicates(found: Iterable[Path]) -> list[TargetFileError]:
    """Return an error for each file whose name an earlier one has in another folder."""
    first: dict[str, Path] = {}
    return [
        TargetFileError(path, None, "name", f"already used by {first[path.stem]}")
        for path in found
        if first.setdefault(path.stem, path) != path
    ]


def over_network(targets: Iterable[Target]) -> list[Target]:
    """Return the same boards with real TCP/IP for a link, under names that say so.

    Raises:
        TargetSelectionError: the target file of one has no [network].
    """
    chosen = list(targets)
    without = [target.name for target in chosen if not target.network]
    if without:
        raise TargetSelectionError(
            f"no network for the link: {', '.join(without)} (no [network] in the target file); "
            "choose other boards, or --link=own"
        )
    return [replace(target, name=f"{target.name}-net", link=LinkSpec("net")) for target in chosen]


def with_stacks(targets: Iterable[Target], names: str) -> list[Target]:
    """Return each board once for each TLS stack of a comma list.

    With another stack than its file's a board has a name that says so, and no limits: they were
    set for the other.

    Raises:
        TargetSelectionError: there is no such stack.
    """
    chosen = list(dict.fromkeys(_split([names])))
    wrong = [name for name in chosen if name not in STACKS]
    if wrong or not chosen:
        problem = f"no stack is called {wrong[0]!r}" if wrong else "no stack named"
        raise TargetSelectionError(f"--stack={names}: {problem}; there are {', '.join(STACKS)}")
    stacks = [stack for stack in STACKS if stack in chosen]
    return [
        target
        if stack == target.stack
        else replace(
            target,
            name=f"{target.name}-{stack}",
            stack=stack,
            limits=Limits(),
            board_name=target.name,
        )
        for target in targets
        for stack in stacks
    ]


def select(
    patterns: Sequence[str], targets: Mapping[str, Target], *, to_run: bool = False
) -> list[Target]:
    """Return the targets that the patterns name, in the order given, each once.

    Args:
        patterns: names, globs, `class:` and a class, `label:` and a glob of labels, `lab:` (every
            board of the lab) or `lab:` and a glob of boards, or comma lists of these, as
            `--target` takes them. The name of a kind means all boards of that kind.
        targets: what there is to choose from.
        to_run: only a board's own name chooses one on a cable that has no port.

    Raises:
        TargetSelectionError: a pattern matches nothing; the message lists what comes near.
    """
    chosen: dict[str, Target] = {}
    for pattern in _split(patterns):
        names = [name for name, target in targets.items() if _matches(name, target, pattern)]
        absent = [name for name in names if to_run and not targets[name].is_reachable]
        names = [name for name in names if name == pattern or name not in absent]
        if not names and absent:
            raise TargetSelectionError(_absent(pattern, absent))
        if not names:
            raise TargetSelectionError(_unknown(pattern, targets))
        chosen.update((name, targets[name]) for name in names)
    if not chosen:
        raise TargetSelectionError("no target named; `hil targets` lists them all")
    return list(chosen.values())


def _matches(name: str, target: Target, pattern: str) -> bool:
    if pattern.startswith(_CLASS_PREFIX):
        return target.klass == pattern[len(_CLASS_PREFIX) :]
    if pattern.startswith(_LABEL_PREFIX):
        labels = target.place.labels if target.place is not None else ()
        return bool(fnmatch.filter(labels, pattern[len(_LABEL_PREFIX) :]))
    if pattern.startswith(_LAB_PREFIX):
        wanted = pattern[len(_LAB_PREFIX) :] or "*"
        # By what the lab calls it, or by its whole name.
        names = {name, name.rpartition("@")[2]}
        return target.place is not None and bool(fnmatch.filter(names, wanted))
    return bool(fnmatch.filter({name, name.partition("@")[0]}, pattern))


def _split(patterns: Iterable[str]) -> list[str]:
    pieces = (piece.strip() for pattern in patterns for piece in pattern.split(","))
    return [piece for piece in pieces if piece]


def _absent(pattern: str, names: Sequence[str]) -> str:
    return (
        f"no target matches {pattern!r} that is attached: no port is known of {', '.join(names)}; "
        f"name it in a lab.toml or as boot.port, {paths.targets_dir() / 'README.md'} says how"
    )


def _unknown(pattern: str, targets: Mapping[str, Target]) -> str:
    if pattern.startswith(_CLASS_PREFIX):
        classes = ", ".join(sorted({target.klass for target in targets.values()}))
        return (
            f"no target matches {pattern!r}; there are targets of class {classes}. A board is "
            f"added as a file: {paths.targets_dir() / 'README.md'} says how"
        )
    if pattern.startswith((_LABEL_PREFIX, _LAB_PREFIX)):
        return _unknown_in_lab(pattern, targets)
    is_glob = any(character in pattern for character in "*?[")
    problem = f"no target matches {pattern!r}" if is_glob else f"no target is called {pattern!r}"
    near = difflib.get_close_matches(pattern, targets, n=3, cutoff=0.5)
    near += [name for name in targets if pattern.strip("*?") in name and name not in near]
    hint = f"did you mean {', '.join(near)}? " if near and pattern.strip("*?") else ""
    return f"{problem}; {hint}`hil targets` lists them all"


def _unknown_in_lab(pattern: str, targets: Mapping[str, Target]) -> str:
    places = {name: target.place for name, target in targets.items() if target.place is not None}
    if not places:
        return (
            f"no target matches {pattern!r}: there is no lab, or it has no boards; --lab=FILE, "
            "$HIL_LAB or a lab.toml in the project's folder describes one. `hil probe` prints what "
            "to write into it for what is plugged in; docs/lab.md has the rest"
        )
    labels = sorted({label for place in places.values() for label in place.labels})
    known = labels if pattern.startswith(_LABEL_PREFIX) else list(places)
    more = f" and {len(known) - _SHOWN} more" if len(known) > _SHOWN else ""
    shown = ", ".join(known[:_SHOWN]) + more
    return f"no board of the lab matches {pattern!r}; there are {shown or 'no labels'}"
