"""The TLS rig: what the farm tests on its boards.

Read in this order: `scenario` and `scenarios/` (what is tried), `peers/` and `peer_program`
(against whom), `credentials` (what both prove themselves with), `briefing` (what each is told),
`ontarget/tls_jobs` and `ontarget/tls_conversation` (what runs on the board), `tamper` (what the
link does to the bytes), `encounter` (the two meet), `statement` and `oracle` (was it right), `cell`
(all of that once), `plugin` (how pytest multiplies it).
"""
