"""Portable back ends that spend tables, in flash or in memory, where flash is not short.

Modules and classes are named as those of `tlscore.crypto.thumb`, in whose place
`tlscore.crypto.selftest` takes them where no machine code works. They are Python like the code they
stand in for (`tlscore.crypto.aes`, `tlscore.crypto.ghash`), so no known answer is asked of them.
Their tables are looked up by secrets: see the modules.
"""
