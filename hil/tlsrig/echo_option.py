"""What is echoed after a handshake, chosen on the command line: `--echo=SIZE[xCOUNT]`.

A board sends each payload whole before it takes it back, so a transfer of any length is made of
payloads that the buffers between board and peer hold: 1 MB is 16384x64. What a scenario is about
stays as it is: only a handshake that is to succeed has its payloads replaced.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from hil.errors import HilError
from hil.tlsrig.scenario import Scenario, Success

# What lies between board and peer holds at least so much (hil.link, a peer's pipe).
SIZE_MAX = 16_384
COUNT_MAX = 65_536


class EchoError(HilError):
    """The option cannot be understood, or asks for what no board could echo."""


def sizes(text: str) -> tuple[int, ...]:
    """Return the sizes in bytes that the option's value names.

    Raises:
        EchoError: it is not a size, or a size and a count.
    """
    match = re.fullmatch(r"([0-9]+)(?:x([0-9]+))?", text)
    size, count = (int(match[1]), int(match[2] or 1)) if match else (0, 0)
    if not 1 <= size <= SIZE_MAX or not 1 <= count <= COUNT_MAX:
        raise EchoError(
            f"--echo: {text!r} is not SIZE or SIZExCOUNT with 1 to {SIZE_MAX} bytes and a count "
            f"of 1 to {COUNT_MAX}; 1 MB is {SIZE_MAX}x64"
        )
    return (size,) * count


def echoing(scenarios: Sequence[Scenario], text: str | None) -> list[Scenario]:
    """Return the scenarios with what they echo replaced; as they are where the option is None.

    Raises:
        EchoError: the option cannot be understood.
    """
    if text is None:
        return list(scenarios)
    chosen = sizes(text)
    return [
        replace(each, echo_bytes=chosen)
        if isinstance(each.expect, Success) and each.echo_bytes
        else each
        for each in scenarios
    ]
