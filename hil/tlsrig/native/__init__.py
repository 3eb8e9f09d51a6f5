"""The TLS of a board's own firmware (MicroPython's `ssl`) in the place of tlscore.

The same scenarios, peers, link and oracle; another job on the board (`native_jobs`). `abilities`
says what such a stack cannot do, `job` what it is told, `witness` what the link shows of a
connection that the stack does not tell, `judgement` what of a ruling is not asked of it, each time
with the reason; `meeting` puts them together.
"""
