"""`python -m bench`: how fast and how small the core is, beside others, all from one run.

The pipeline: `operations` and `records` (counted on the boards by `boards`), `handshakes` (replays
of recorded conversations), `libraries` (TLS libraries in C on the same core), `kernels` (their RAM)
and `desk` (CPython beside tlslite-ng) ─► `figures` ─► `goals` ─► `tables` ─► `page` (the terminal,
docs/performance.md). `__main__` is the command.
"""
