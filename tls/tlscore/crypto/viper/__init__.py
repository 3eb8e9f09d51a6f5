"""Back ends for symmetric ciphers in viper, MicroPython's typed subset: for cores with an emitter.

Modules and classes are named as those of `tlscore.crypto.thumb`, in whose place
`tlscore.crypto.selftest` takes them. Importing one fails where no emitter is, and on CPython.
Viper's integers are machine words of 32 or 64 bits: words of 32 bits are masked where that
matters, so that one file serves both. What timing tells: GHASH, ChaCha20 and Poly1305 do the same
for all secrets; AES looks up its tables by secrets, as the portable code does.
"""
