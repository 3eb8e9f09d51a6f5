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

# Kinds of back ends, packages whose modules have the same names and classes: what may be had by
# `thumb`, in machine code, may be had by `viper`, or else by `tables`. Which of them there are is
# found out once, when an image is built: to ask for a module that is not there takes 7,000 to
# 11,000 instructions, and most images have one kind of the three.
try:
    from tlscore.crypto import thumb
except ImportError:
    thumb = None
try:
    from tlscore.crypto import viper
except ImportError:
    viper = None
try:
    from tlscore.crypto import tables
except ImportError:
    tables = None

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def select(candidates: tuple, passes: "Callable") -> "Callable":
    """Return the first working back end.

    Args:
        candidates: (module, name) pairs, the preferred first, the portable code last. A module
            whose name has no dot is one of the kinds of back ends; the others are whole names.
        passes: function that runs the known-answer test on what was imported.

    Raises:
        ImportError: this image leaves the last candidate out, and none before it works.
    """
    last = candidates[-1][0]
    for module, name in candidates:
        if "." in module:
            found = _imported(module)
            if found:
                found = getattr(found, name)
                if module == last or passes(found):
                    return found
        else:
            found = _of_a_kind(module, name, passes)
            if found:
                return found
    raise ImportError("no back end: " + last)


def kernel(module: str):
    """Return the back end in machine code of that name, or None.

    None where it cannot be loaded, and where it gives another answer than the known one.
    """
    if not micropython:
        return None
    found = _loaded(thumb, module) if thumb else None
    if found and found.passes():
        return found
    found = _loaded(viper, module) if viper else None
    return found if found and found.passes() else None


def _of_a_kind(module: str, name: str, passes: "Callable") -> "Callable | None":
    """Return the class of the best kind there is; no machine code on CPython."""
    if micropython:
        for package in (thumb, viper):
            found = _loaded(package, module) if package else None
            if found and passes(getattr(found, name)):
                return getattr(found, name)
    found = _loaded(tables, module) if tables else None
    return getattr(found, name) if found else None


def _loaded(package, module: str):
    """Return the module of a kind of back ends, or None."""
    # Where modules are in flash they are in their package. A name is put together where one has to
    # be imported: that takes 3,000 instructions.
    return getattr(package, module, None) or _imported(package.__name__ + "." + module)


def _imported(module: str):
    """Return a module, or None.

    None where the image leaves it out (ImportError), where there is no emitter for it
    (SyntaxError), and where it was compiled for another core (ValueError).
    """
    try:
        return __import__(module, None, None, ("passes",))
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
