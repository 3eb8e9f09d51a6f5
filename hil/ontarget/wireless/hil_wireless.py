"""Joins a wireless network, and puts a TCP connection in the place of the link of later jobs.

Sent to a board when its radio is to carry the bytes under test; `connect` forgets this module. The
host's half is hil/wireless.py.
"""

import sys

from hil_agent import StreamLink

_POLL_MS = 50
# A radio tries again by itself; one that finds the same fault for so long will not do better.
_GIVE_UP_MS = 4000


def join(link, timeout_ms: int, mask: bytes) -> tuple:
    """Join the network whose name and password come over the link.

    Args:
        link: carries each of them behind its size, all of it combined with the mask (exclusive or):
            a board that has started anew may print what it is sent.
        timeout_ms: how long it may take.
        mask: as long as what comes.

    Returns:
        ("joined", the board's address), or ("lost", why, as the firmware's constant is called or
        as its number is).
    """
    import time  # noqa: PLC0415 - the module goes away, and with it what it imports

    import network  # noqa: PLC0415

    said = _read(link, len(mask))
    for i in range(len(mask)):
        said[i] ^= mask[i]
    ssid = bytes(said[1 : 1 + said[0]]).decode()
    password = bytes(said[2 + said[0] :]).decode()
    radio = network.WLAN(network.STA_IF)
    radio.active(True)
    try:
        radio.disconnect()
    except OSError:
        pass  # it was not connected
    radio.connect(ssid, password)
    faults = [getattr(network, name, None) for name in ("STAT_WRONG_PASSWORD", "STAT_NO_AP_FOUND")]
    begun = hopeful = time.ticks_ms()
    while not radio.isconnected():
        now = time.ticks_ms()
        if radio.status() not in faults:
            hopeful = now
        if time.ticks_diff(now, hopeful) > _GIVE_UP_MS or time.ticks_diff(now, begun) > timeout_ms:
            return "lost", _name(network, radio.status())
        time.sleep_ms(_POLL_MS)
    return "joined", radio.ifconfig()[0]


def connect(_link, address: str, port: int, token: bytes, timeout_s: int) -> None:
    """Connect, show the token, and wait to be accepted.

    Raises:
        OSError: nobody is there, or nobody who knows the token.
    """
    import socket  # noqa: PLC0415

    connection = socket.socket()
    connection.settimeout(timeout_s)
    connection.connect((address, port))
    connection.write(token)
    if connection.read(1) != b"+":
        raise OSError("not accepted")
    connection.setblocking(False)
    sys.modules["hil_frames.link"] = StreamLink(connection)
    del sys.modules["hil_wireless"]


def _read(link, count: int) -> bytearray:
    data = bytearray(count)
    view = memoryview(data)
    while view:
        view = view[link.readinto(view) or 0 :]
        if view:
            link.wait(1000)
    return data


def _name(network, status: int) -> object:
    for name in dir(network):
        if name.startswith("STAT_") and getattr(network, name) == status:
            return name
    return status
