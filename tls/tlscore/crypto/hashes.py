"""Hash functions, each one described by a row that HMAC, HKDF and signatures take as an argument.

The functions themselves come from `hashlib`: SHA-256 is the one piece of cryptography every
MicroPython has in C. Objects made by `Hash.new` are spent by `digest()` (MicroPython frees the
state and has no `copy()`), so whoever needs a running and a final value keeps two objects.
"""

import hashlib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class Hash:
    """One hash function.

    Attributes:
        name: as the IANA registries spell it, in lower case.
        size: bytes of a digest.
        block: bytes of an input block, which HMAC pads its key to.
        new: `new(data=b"")` starts a hash object with `update(data)` and `digest()`.
    """

    def __init__(self, name: str, size: int, block: int, new: "Callable") -> None:
        self.name = name
        self.size = size
        self.block = block
        self.new = new


SHA256 = Hash("sha256", 32, 64, hashlib.sha256)
