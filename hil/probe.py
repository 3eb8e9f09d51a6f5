"""Which boards the ports are that are plugged in (`hil.plugged`), as target files and labs say.

Nothing is opened; `hil.probe_ask` asks a board who it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hil.lab.lease import key_of
from hil.plugged import Drive, Plugged, drives, fits, plugged_in
from hil.target import Target

__all__ = ["Drive", "Plugged", "drives", "matching", "named", "plugged_in", "without_port"]


def named(port: str) -> Plugged:
    """Return a port that a user names, of which nothing else is known: a URL of pyserial."""
    return Plugged(port, port)


def without_port(found: Iterable[Plugged], all_drives: Iterable[Drive]) -> list[Drive]:
    """Return the drives that no port is known to go with."""
    paired = [entry.drive for entry in found]
    return [drive for drive in all_drives if drive not in paired]


def matching(entry: Plugged, targets: Mapping[str, Target]) -> list[Target]:
    """Return the targets a port may be: the board of the lab that it is, or all that fit by USB.

    The chips that carry USB are few, so several kinds of boards may fit.
    """
    key = key_of(entry.device)
    of_lab = [target for target in targets.values() if _is_of_lab(target, key, entry)]
    return of_lab or [target for target in targets.values() if fits(entry, target.identify)]


def _is_of_lab(target: Target, key: str, entry: Plugged) -> bool:
    port = target.boot.arguments.get("port")
    if isinstance(port, str):
        return key_of(port) == key
    is_here = target.place is not None and target.place.far is None
    return is_here and fits(entry, target.identify)
