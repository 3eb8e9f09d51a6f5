"""Known-answer tests, and the choice of a back end by them.

A primitive that will have faster implementations (machine code, a C module of the port) names the
candidates in order of preference; `select` takes the first that this interpreter can load and
that gives the published answer. A broken or miscompiled back end is thus passed over instead of
producing wrong keys. The choice is made when a key is set and kept with the key: modules hold no
state, and most boards never execute a module's body. So the tests are short, a few blocks each.

The last candidate is the portable code and taken without a test: there is nothing to fall back to,
it means the same on every interpreter, and a known answer of AES and GHASH costs a board without
machine code 1.1 M instructions for every key. So is what does the same by tables. The published
vectors go through both in the tests.
"""

from tlscore.crypto.hmac import equal

try:
    import micropython
except ImportError:  # CPython, which has no inline assembler
    micropython = None

_PACKAGE = "tlscore.crypto."
# Kinds of back ends, packages whose modules have the same names and classes: what is asked for as
# `thumb` may be had as `viper`, or else by `tables`.
_THUMB = _PACKAGE + "thumb."
_TABLES = _PACKAGE + "tables."

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def select(candidates: tuple, passes: "Callable") -> "Callable":
    """Return the first working back end.

    Args:
        candidates: (module, name) pairs, the preferred first, the portable code last.
        passes: function that runs the known-answer test on what was imported.

    Raises:
        ImportError: this image leaves the last candidate out, and none before it works.
    """
    last = candidates[-1][0]
    for preferred, name in candidates:
        for module in _places(preferred):
            found = _loaded(module, name)
            if found:
                found = getattr(found, name)
                if module == last or module.startswith(_TABLES) or passes(found):
                    return found
    raise ImportError("no back end: " + last)


def kernel(module: str):
    """Return the back end in machine code `tlscore.crypto.<module>`, or None.

    None where it cannot be loaded, and where it gives another answer than the known one.
    """
    if not micropython:
        return None
    found = _passing(_PACKAGE + module)
    # What is not asked for is not named: putting a string together takes 3,000 instructions.
    return found or _passing(_PACKAGE + module.replace("thumb", "viper"))


def _passing(module: str):
    found = _loaded(module, "passes")
    return found if found and found.passes() else None


def _places(module: str) -> tuple:
    """Return the modules that may stand for one, in turn: no machine code on CPython."""
    if not module.startswith(_THUMB):
        return (module,)
    name = module[len(_THUMB) :]
    if micropython:
        return module, "tlscore.crypto.viper." + name, _TABLES + name
    return (_TABLES + name,)


def _loaded(module: str, name: str):
    """Return a module, or None.

    None where the image leaves it out (ImportError), where there is no emitter for it
    (SyntaxError), and where it was compiled for another core (ValueError).
    """
    try:
        return __import__(module, None, None, (name,))
    except (ImportError, SyntaxError, ValueError):
        return None


def aes_passes(backend: "Callable") -> bool:
    """FIPS 197 appendix C.1, through the key stream and CBC-MAC too."""
    cipher = backend(bytes(range(16)))
    block = b"\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff"
    expected = b"\x69\xc4\xe0\xd8\x6a\x7b\x04\x30\xd8\xcd\xb7\x80\x70\xb4\xc5\x5a"
    stream = bytearray(17)
    cipher.xor_key_stream(block, stream, 0, 16)
    mac = bytearray(block)
    cipher.cbc_mac(mac, bytes(1), 0, 1)
    return equal(cipher.encrypt(block) + mac, 2 * expected) and equal(stream, expected + b"\x00")


def ghash_passes(backend: "Callable") -> bool:
    """The GCM specification's test case 2: H, one block of ciphertext, the lengths."""
    ghash = backend(b"\x66\xe9\x4b\xd4\xef\x8a\x2c\x3b\x88\x4c\xfa\x59\xca\x34\x2b\x2e")
    ghash.update(
        b"\x03\x88\xda\xce\x60\xb6\xa3\x92\xf3\x28\xc2\xb9\x71\xb2\xfe\x78"
        b"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80",
        0,
        32,
    )
    return equal(
        ghash.digest(),
        b"\xf3\x8c\xbb\x1a\xd6\x92\x23\xdc\xc3\x45\x7a\xe5\xb6\xb0\xf8\x85",
    )
