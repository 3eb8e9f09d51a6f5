"""Which back ends are in use on this interpreter, for reports and tests."""

from tlscore.crypto import installed
from tlscore.crypto.selftest import kernel

# Primitives that have a back end in machine code, and its module: there may be one of the same name
# of another kind (`selftest`).
_KERNELS = (
    ("x25519", "curve25519"),
    ("p256", "p256_curve"),
    ("p384", "p384_curve"),
    ("aes", "block_cipher"),
    ("ghash", "universal_hash"),
    ("gcm", "gcm_records"),
    ("chacha20", "stream_cipher"),
    ("poly1305", "one_time_mac"),
    ("chacha20_poly1305", "chacha_records"),
    ("rsa", "modular_power"),
    ("sha512", "long_hash"),
    ("hashes", "running_hash"),
)


# Primitives made of two others where no kernel does all of it.
_PARTS = (("gcm", "aes", "ghash"), ("chacha20_poly1305", "chacha20", "poly1305"))


def used() -> dict:
    """Return primitive -> "portable" or the kind of back end; of SHA-256 "hashlib".

    Asks what the primitives themselves ask, known-answer tests included. What an image leaves out
    is not named.
    """
    found = {}
    for primitive, module in _KERNELS:
        if installed(primitive):
            kind = _kind(module)
            for whole, first, second in _PARTS:
                if primitive == whole and kind == "portable" and found[first] == found[second]:
                    kind = found[first]
            if primitive == "hashes":  # SHA-256 is the interpreter's own where there is no kernel
                kind = "hashlib" if kind == "portable" else kind
            found["sha256" if primitive == "hashes" else primitive] = kind
    return found


def _kind(module: str) -> str:
    fast = kernel(module)
    if fast is not None:
        return fast.__name__.split(".")[-2]
    return "tables" if installed("tables." + module) else "portable"
