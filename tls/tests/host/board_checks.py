"""Loads what boards run (`tests/portable/*_checks.py`) into this interpreter."""

import importlib.util
from pathlib import Path

_FOLDER = Path(__file__).parent.parent / "portable"


def load(name):
    """Return a fresh module of the file of that name."""
    specification = importlib.util.spec_from_file_location(name, _FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module
