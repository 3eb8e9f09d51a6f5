"""The link over a network: a real TCP connection from the board to whoever plays its peer.

What does not change: jobs get the same `StreamLink`, and know nothing of addresses. The board is
always the one that connects; who is TLS client and who is server has nothing to do with that.
"""

from hil_agent import StreamLink


def tcp_link(address: str, port: int) -> StreamLink:
    """Bring up the board's Ethernet by DHCP, connect, and return the connection as the link.

    Raises:
        OSError: there is no Ethernet, no lease within ten seconds, or nobody accepts.
    """
    import socket  # noqa: PLC0415 - only boards with a network have these

    import network  # noqa: PLC0415

    lan = network.LAN()
    lan.active(True)
    lan.ifconfig("dhcp")
    connection = socket.socket()
    connection.connect((address, port))
    connection.setblocking(False)
    return StreamLink(connection)
