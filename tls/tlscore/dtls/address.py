"""Where a datagram came from, as bytes in one form only, whatever form a socket gives it in.

Cookies and sessions are bound to these bytes: 127.0.0.1 and ::ffff:127.0.0.1 are the same peer,
2001:db8::1 and 2001:DB8:0::1 as well (RFC 5952 tells how many spellings there are).
"""

from tlscore.errors import UsageError

_MAPPED = bytes(10) + b"\xff\xff"  # RFC 4291 §2.5.5.2: an IPv4 address in IPv6


def canonical(peer) -> bytes:
    """Return the canonical bytes of a socket address: of the IP address, port, and scope if any.

    Args:
        peer: (host, port) or (host, port, flow information, scope), the host in digits; bytes,
            which are taken as they are, from stacks whose addresses are.

    Raises:
        UsageError: "address.malformed".
    """
    if isinstance(peer, (bytes, bytearray)):
        return bytes(peer)
    host, _, zone = peer[0].partition("%")
    try:
        octets = _of_ipv6(host) if ":" in host else _of_ipv4(host)
    except ValueError:
        raise UsageError("address.malformed")
    if octets[:12] == _MAPPED:
        octets = octets[12:]
    octets += bytes((peer[1] >> 8 & 0xFF, peer[1] & 0xFF))
    scope = peer[3] if len(peer) > 3 else 0
    if scope:
        return octets + scope.to_bytes(4, "big")
    return octets + zone.encode()


def _of_ipv4(host):
    parts = [int(part) for part in host.split(".")]
    if len(parts) != 4:
        raise ValueError(host)
    return bytes(parts)


def _of_ipv6(host):
    head, gap, tail = host.partition("::")
    before, behind = _groups(head), _groups(tail)
    missing = 16 - len(before) - len(behind)
    if missing < 0 or (missing and not gap):
        raise ValueError(host)
    return before + bytes(missing) + behind


def _groups(text):
    octets = b""
    for part in text.split(":") if text else ():
        if "." in part:
            octets += _of_ipv4(part)
        else:
            value = int(part, 16)
            if value > 0xFFFF:
                raise ValueError(text)
            octets += bytes((value >> 8, value & 0xFF))
    return octets
