"""What this checkout's own tests share. The farm's plugins register themselves as entry points."""

import signal

pytest_plugins = ["pytester"]

# A shell starts what runs in its background with SIGINT ignored, and every program started from
# there inherits that. Tests that press Ctrl-C mean a program that takes it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
