"""Takes and gives back leases of boards as fast as it can, until it is killed.

Arguments: folder of the leases, file for notes, own name, number of boards, seed.
"""

from __future__ import annotations

import os
import random
import sys
import time
from pathlib import Path

from hil.errors import BoardLocked
from hil.lab.lease import Leases


def main() -> None:
    """Contend for ever."""
    folder, events, name, boards, seed = sys.argv[1:]
    chance = random.Random(int(seed))
    notes = os.open(events, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    while True:
        key = f"site.example:{chance.randrange(int(boards))}"
        leases = Leases(Path(folder), name, wait_s=chance.choice((0.0, 0.05)))
        try:
            leases.hold(key, key)
        except BoardLocked:
            continue
        os.write(notes, f"{time.monotonic():.6f} {key} in {name}\n".encode())
        time.sleep(chance.choice((0.0, 0.001)))
        os.write(notes, f"{time.monotonic():.6f} {key} out {name}\n".encode())
        leases.release(key)


if __name__ == "__main__":
    main()
