"""The cryptographic primitives of the TLS core, in portable Python.

Every module does one primitive and names its standard. They share these habits:

- keys, nonces and points of a wrong size raise `ValueError` with a dotted reason; a signature or
  a tag that does not verify is an ordinary `False`;
- nothing is kept between calls except in the objects the caller holds (keys of a connection);
- buffers are changed in place, and never outside the range the caller named;
- what a module leaks through timing is written in its docstring.

Python's big integers are not constant-time: the number of machine words an operand needs, and so
the time of an operation, depends on its value. Modules that handle secrets therefore run a fixed
sequence of operations, never branch on a secret, and leave it at that: private keys of a
handshake are used once.

Where a primitive has several back ends, `selftest.select` takes the first one that this
interpreter can load and that passes its known-answer test.

A firmware image may leave out modules its devices never use (RSA, P-384, Ed25519, SHA-512, CCM...),
and a client that never meets them does not pay heap for importing them: tables of algorithms name
module and function as strings. `installed` says whether a row can be offered, `load` fetches the
function when it is called.
"""

import sys

try:
    from importlib.util import find_spec
except ImportError:  # MicroPython
    find_spec = None


def load(module: str, name: str):
    """Return the attribute `name` of `tlscore.crypto.<module>`, importing it if need be.

    Raises:
        ImportError: this image has no such module.
    """
    # What has been imported is among the names of the package, and from the start where modules
    # are in flash: nothing is put together then.
    found = globals().get(module) or __import__(__name__ + "." + module, None, None, (name,))
    return getattr(found, name)


def installed(module: str) -> bool:
    """Whether `tlscore.crypto.<module>` can be imported."""
    if module in globals():  # imported, or in flash
        return True
    full_name = __name__ + "." + module
    if full_name in sys.modules:
        return True
    if find_spec is not None:
        return find_spec(full_name) is not None
    # MicroPython can find out only by importing. That costs nothing where modules are objects in
    # flash; one that is executed for the answer alone is dropped again, so that its memory is free
    # for the connection.
    try:
        __import__(full_name)
    except ImportError:
        return False
    if full_name in sys.modules:
        del sys.modules[full_name]
        if __name__ in sys.modules:  # else this package is in flash, and refers to it nowhere
            delattr(sys.modules[__name__], module)
    return True


def backends() -> dict:
    """Return which back end each primitive uses; see `back_ends`.

    Raises:
        ImportError: this image leaves `back_ends` out.
    """
    return load("back_ends", "used")()
