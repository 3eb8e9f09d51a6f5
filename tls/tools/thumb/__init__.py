"""Thumb-2 machine code in plain `.py` files: how the kernels of `tlscore.crypto` are made.

MicroPython's `@micropython.asm_thumb` knows no UMULL, no LDM and no carries in high registers, but
takes raw encodings: `data(2, ...)`. The kernels are written as assembly text here, by Python
functions that unroll loops and name registers, and end up as one function of such lines each. Runs
on CPython when a kernel is changed, never on a board:

    python tls/tools/make_kernels.py            # writes the files again
    python tls/tools/make_kernels.py --check    # exit status 1 if they would change

- `encoding`: one instruction's text -> its halfwords, in the shortest form, as GNU as chooses it;
- `assembler`: lines and labels -> a program;
- `multiprecision`: what all kernels of public-key arithmetic share;
- `curve25519`, `p256`, ...: one kernel each, with its theory, which becomes the file's docstring;
- `python_file`: program -> the text of the `.py` file;
- `host`: runs a program on an emulated Cortex-M3 (Unicorn) and counts its instructions, for tests.
"""
