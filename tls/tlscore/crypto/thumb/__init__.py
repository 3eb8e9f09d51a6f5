"""Back ends in machine code for ARMv7-M and ARMv8-M Mainline, in plain `.py` files.

`ladder` and the modules that end in `_machine` are kernels, made by tls/tools/make_kernels.py; the
others give them the interface of the portable code. Importing one fails on other cores and
where no inline assembler is; `tlscore.crypto.selftest` then takes the portable code. Images for
other cores leave this package out (`kernels` in image.toml).
"""
