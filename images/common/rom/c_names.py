"""What placed modules may refer to in MicroPython itself: names of Python and C objects.

Only objects with external linkage can be here. An attribute of a C module that is not (most types
are not) has to be looked up when it is used: `import hashlib` and `hashlib.sha256(...)`, instead of
`from hashlib import sha256`.
"""

from __future__ import annotations

# Classes of `builtins` that are called mp_type_<name> in C; exceptions are as well.
TYPES = (
    "bool", "bytearray", "bytes", "classmethod", "dict", "int", "list", "memoryview", "object",
    "property", "range", "set", "slice", "staticmethod", "str", "super", "tuple", "type",
)  # fmt: skip

# Functions of `builtins` that are called mp_builtin_<name>_obj in C.
FUNCTIONS = (
    "all", "any", "callable", "chr", "divmod", "getattr", "hasattr", "hash", "id", "isinstance",
    "issubclass", "iter", "len", "max", "min", "next", "ord", "print", "repr", "setattr", "sorted",
    "sum",
)  # fmt: skip

EXCEPTIONS = {
    "ArithmeticError": "Exception",
    "AssertionError": "Exception",
    "AttributeError": "Exception",
    "BaseException": None,
    "EOFError": "Exception",
    "Exception": "BaseException",
    "ImportError": "Exception",
    "IndexError": "LookupError",
    "KeyError": "LookupError",
    "KeyboardInterrupt": "BaseException",
    "LookupError": "Exception",
    "MemoryError": "Exception",
    "NameError": "Exception",
    "NotImplementedError": "RuntimeError",
    "OSError": "Exception",
    "OverflowError": "ArithmeticError",
    "RuntimeError": "Exception",
    "StopIteration": "Exception",
    "SyntaxError": "Exception",
    "SystemExit": "BaseException",
    "TypeError": "Exception",
    "ValueError": "Exception",
    "ZeroDivisionError": "ArithmeticError",
}

# Functions of `builtins` that a module body may call: they depend on their arguments alone.
PURE = {
    "abs": abs, "bool": bool, "bytes": bytes, "divmod": divmod, "int": int, "len": len,
    "list": list, "max": max, "min": min, "pow": pow, "range": range, "str": str, "sum": sum,
    "tuple": tuple,
}  # fmt: skip

# (C module, attribute) -> C object.
ATTRIBUTES = {
    ("gc", "collect"): "gc_collect_obj",
    ("gc", "mem_alloc"): "gc_mem_alloc_obj",
    ("gc", "mem_free"): "gc_mem_free_obj",
    ("gc", "threshold"): "gc_threshold_obj",
    ("micropython", "const"): "mp_identity_obj",
    ("sys", "print_exception"): "mp_sys_print_exception_obj",
    ("time", "sleep_ms"): "mp_time_sleep_ms_obj",
    ("time", "ticks_add"): "mp_time_ticks_add_obj",
    ("time", "ticks_cpu"): "mp_time_ticks_cpu_obj",
    ("time", "ticks_diff"): "mp_time_ticks_diff_obj",
    ("time", "ticks_ms"): "mp_time_ticks_ms_obj",
    ("time", "ticks_us"): "mp_time_ticks_us_obj",
}


def builtin(name: str) -> str | None:
    """Return the C object of a name of `builtins` that a module may hold, or None."""
    if name in FUNCTIONS:
        return f"mp_builtin_{name}_obj"
    return f"mp_type_{name}" if name in TYPES or name in EXCEPTIONS else None


def matches(kind: str, caught: str) -> bool:
    """Whether `except caught` takes an exception of the class `kind`."""
    parent: str | None = kind
    while parent is not None:
        if parent == caught:
            return True
        parent = EXCEPTIONS.get(parent)
    return False
