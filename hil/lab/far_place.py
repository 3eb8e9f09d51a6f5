"""What the file of a lab says of a board at a labgrid place: which place, and who coordinates it.

A place has a name, or is any one that has certain tags. `hil.lab.far_boards` acquires it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import cast

from hil.errors import TargetFileError
from hil.target import FarPlace
from hil.target_file import Document, Key
from hil.toml_lines import KeyPath

COORDINATOR_VARIABLE = "LG_COORDINATOR"  # labgrid's own
# As labgrid has them; it would take other values and then never find them again.
_TAG_NAME, _TAG_VALUE = r"[a-z][a-z0-9_]+", r"[A-Za-z0-9_.-]+"
_ADDRESS = r"[^\s/:]+(:[0-9]{1,5})?|\[[0-9a-fA-F:]+\](:[0-9]{1,5})?"
_DEFAULT_PORT = 20408

KEYS: Mapping[str, Key] = {
    "place": Key(str),
    "place_tags": Key(dict),
    "place_port": Key(str),
    "coordinator": Key(str, pattern=_ADDRESS),
}
LAB_KEYS: Mapping[str, Key] = {"coordinator": KEYS["coordinator"]}


def read(document: Document, facts: Mapping[str, object]) -> FarPlace | None:
    """Return the place of one board; None for a board at none.

    Args:
        document: the lab's file, checked.
        facts: the board's table.
    """
    if not {"place", "place_tags"} & {*facts}:
        return None
    return FarPlace(
        coordinator=_with_port(_coordinator(document, facts) or ""),
        name=cast("str | None", facts.get("place")),
        tags=cast("dict[str, str]", facts.get("place_tags", {})),
        port=cast("str | None", facts.get("place_port")),
    )


def offences(
    document: Document, place: KeyPath, facts: Mapping[str, object]
) -> Iterator[TargetFileError]:
    """Yield what is wrong across the keys of one board."""
    if not {"place", "place_tags"} & {*facts}:
        for key in ("place_port", "coordinator"):
            if key in facts:
                yield document.error((*place, key), "needs `place` or `place_tags`, which it is of")
        return
    if {"place", "place_tags"} <= {*facts}:
        yield document.error((*place, "place_tags"), "a place has a name or is chosen by tags")
    if "port" in facts:
        yield document.error((*place, "port"), "the place says which port it has; remove one")
    if _coordinator(document, facts) is None:
        problem = f"missing: host:port, here, in [lab], or in ${COORDINATOR_VARIABLE}"
        yield document.error((*place, "coordinator"), problem)
    tags = facts.get("place_tags", {})
    if tags == {} and "place_tags" in facts:
        yield document.error((*place, "place_tags"), "names no tag")
    for name, value in tags.items() if isinstance(tags, dict) else ():
        if re.fullmatch(_TAG_NAME, name) is None:
            problem = f"{name!r} does not have the form {_TAG_NAME}"
            yield document.error((*place, "place_tags"), problem)
        elif not isinstance(value, str) or re.fullmatch(_TAG_VALUE, value) is None:
            problem = f"{name}: {value!r} is no string of the form {_TAG_VALUE}"
            yield document.error((*place, "place_tags"), problem)


def key_of(document: Document, facts: Mapping[str, object]) -> str | None:
    """Return what place a board has, under whatever name; None for one of no certain place."""
    name = facts.get("place")
    address = _coordinator(document, facts)
    if not isinstance(name, str) or address is None:
        return None
    return f"labgrid://{_with_port(address)}/{name}"


def _coordinator(document: Document, facts: Mapping[str, object]) -> str | None:
    lab = document.values.get("lab")
    of_lab = lab.get("coordinator") if isinstance(lab, dict) else None
    for address in (facts.get("coordinator"), of_lab, os.environ.get(COORDINATOR_VARIABLE)):
        if isinstance(address, str) and address:
            return address
    return None


def _with_port(address: str) -> str:
    """Return the address as there is only one way to write it."""
    has_port = re.search(r":[0-9]+$", address) and not address.endswith("]")
    return address if has_port else f"{address}:{_DEFAULT_PORT}"
