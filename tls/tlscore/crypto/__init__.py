"""The cryptographic primitives of the TLS core, in portable Python.

Every module does one primitive and names its standard. They share these habits:

- keys, nonces and points of a wrong size raise `ValueError` with a dotted reason; a signature or
  a tag that does not verify is an ordinary `False`;
- nothing is kept between calls except in the objects the caller holds (keys of a connection);
- buffers are changed in place, and never outside the range the caller named;
- what a module leaks through timing is written in its docstring.

Python's big integers are not constant-time: the number of machine words an operand needs, and so
the time of an operation, depends on its value. Modules that handle secrets therefore run a fixed
sequence of operations, never branch on a secret, and leave it at that: private keys of a
handshake are used once.

Where a primitive has several back ends, `selftest.select` takes the first one that this
interpreter can load and that passes its known-answer test.
"""
