"""Puts Python modules into flash as constant objects: no import, no heap.

An ordinary frozen module has its bytecode in flash, but importing it makes a dictionary, and an
object for each of its functions and classes, in RAM. Here the body of a module is executed when
the firmware is built (`machine`), on values of ours (`values`), and what it leaves in its namespace
is written as constant C structures (`writer`, `program`) which MicroPython uses in place. `c_names`
says which objects of MicroPython itself they may refer to.

Run by port.mk as `python3 -m rom`; needs nothing beside the standard library and upstream's
tools/mpy-tool.py, which reads .mpy files. Values of a module can be functions, classes, modules,
None, booleans, integers, strings, bytes, tuples of these, and instances of such classes that never
change. Anything else stops the build with the names of module and value.
"""
