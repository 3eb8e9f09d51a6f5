"""What this checkout's own tests share. The farm's plugins register themselves as entry points."""

import signal

import pytest

pytest_plugins = ["pytester"]

# A shell starts what runs in its background with SIGINT ignored, nohup does so with SIGHUP, and
# every program started from there inherits that. Tests that press Ctrl-C or hang up mean a program
# that takes it: one that is started by a process with a handler gets the default.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, lambda _signal, _frame: None)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a run choose how many connections and sessions some tests make."""
    parser.addoption(
        "--connections",
        type=int,
        default=50,
        metavar="N",
        help="connections of TLS 1.3 and 1.2 that tests/system/test_leaks.py makes (default: 50)",
    )
    parser.addoption(
        "--soak",
        type=int,
        default=None,
        metavar="N",
        help="sessions that tests/system/test_soak.py opens on the process (default: 70; emulated"
        " boards open a tenth)",
    )
