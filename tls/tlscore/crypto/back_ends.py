"""Which back ends are in use on this interpreter, for reports and tests."""

from tlscore.crypto import installed
from tlscore.crypto.selftest import kernel

# Primitives that have a back end in machine code, and its module: there may be one of the same name
# of another kind (`selftest`).
_KERNELS = (
    ("x25519", "thumb.curve25519"),
    ("p256", "thumb.p256_curve"),
    ("p384", "thumb.p384_curve"),
    ("aes", "thumb.block_cipher"),
    ("ghash", "thumb.universal_hash"),
    ("gcm", "thumb.gcm_records"),
    ("chacha20", "thumb.stream_cipher"),
    ("poly1305", "thumb.one_time_mac"),
    ("chacha20_poly1305", "thumb.chacha_records"),
    ("rsa", "thumb.modular_power"),
    ("sha512", "thumb.long_hash"),
    ("hashes", "thumb.running_hash"),
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
    return "tables" if installed(module.replace("thumb", "tables")) else "portable"
