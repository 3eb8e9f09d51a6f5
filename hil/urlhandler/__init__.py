"""Serial URLs of the farm's own, beside those that pyserial brings.

pyserial looks for the handler of `name://` in a module `protocol_name` of every package that is
listed in `serial.protocol_handler_packages`; importing this package adds it to that list.
"""

from __future__ import annotations

import serial

if __name__ not in serial.protocol_handler_packages:
    serial.protocol_handler_packages.append(__name__)
