"""A TLS 1.3 core without I/O, for CPython and MicroPython, in one small tree of plain Python.

Begin with client.ClientConnection and config.ClientConfig (tls12/ has those that speak TLS 1.2 as
well); connection.py explains how bytes are moved, errors.py what can go wrong, README.md which file
does what. Importing this package imports nothing else: on a board every module costs RAM.
"""
