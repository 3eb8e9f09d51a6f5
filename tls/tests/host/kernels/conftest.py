"""What the tests of kernels share: the core on emulated cores, and chance that can be repeated."""

import random

import kernel_bench as bench
import pytest


@pytest.fixture
def machines(monkeypatch):
    """The core with the kernels as its back ends, on emulated cores."""
    yield from bench.replaced_backends(monkeypatch)


@pytest.fixture
def chance():
    return random.Random(8)  # the same every time
