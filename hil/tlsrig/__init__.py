"""The TLS rig: what the farm tests on its boards.

Read in this order: `scenario` (what is tried), `peers/` (against whom), `ontarget/tls_jobs` (what
runs on the board), `tamper` (what the link does to the bytes), `cell` (one run of the three
together), `statement` and `oracle` (was it right), `plugin` (how pytest multiplies them).
"""
