"""The few names in which CPython and MicroPython differ, bound once for the whole core.

`const()` marks a module constant. MicroPython's compiler recognises the *name* `const` and folds
`_NAME = const(...)` into the code, so that a private constant costs neither RAM nor a look-up;
elsewhere it hands its argument back. Nothing here chooses behaviour by the name of a platform:
code that has several ways to do something chooses by capability (see `crypto/selftest.py`).
"""

try:
    from micropython import const
except ImportError:

    def const(value):
        """Return `value`: CPython has no compile-time constants."""
        return value


__all__ = ("const",)
