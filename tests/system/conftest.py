"""What the tests with real boards share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hil import paths


@pytest.fixture(scope="session", autouse=True)
def firmware_cache() -> Iterator[None]:
    """Let runs inside of tests, which get a home of their own, use the firmware that is built."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("HIL_CACHE", str(paths.cache_dir()))
        yield
