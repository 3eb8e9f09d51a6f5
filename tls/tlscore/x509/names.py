"""The name a server must have, and whether a certificate presents it (RFC 9525).

Only subjectAltName counts: a dNSName for a domain name, an iPAddress for an address written as
one; the subject's common name is never looked at (RFC 9525 §2). Domain names are ASCII: an
internationalized name is given by its A-labels.
"""

from tlscore.compat import const
from tlscore.errors import UsageError

_LABEL_CHARACTERS = const(b"abcdefghijklmnopqrstuvwxyz0123456789-_")

# GeneralName alternatives (RFC 5280 §4.2.1.6) by their context tag
_DNS = const(2)
_ADDRESS = const(7)


def reference_name(text: str) -> tuple:
    """Return the name the caller asked for as `(form, name)`, ready to be compared.

    Args:
        text: a domain name, with or without a final dot, or an IPv4 or IPv6 address.

    Raises:
        UsageError: `certificate.server_name`: neither of the three.
    """
    address = parse_address(text)
    if address is not None:
        return (_ADDRESS, address)
    domain = _parse_domain(text)
    if domain is None:
        raise UsageError("certificate.server_name")
    return (_DNS, domain)


def matches(reference: tuple, form: int, presented: bytes) -> bool:
    """Tell whether a presented name, a lower-case dNSName or an iPAddress, is the reference name.

    A wildcard is the whole left-most label and stands for exactly one label (RFC 9525 §6.3);
    at least two labels follow it, so that `*.com` stands for nothing.
    """
    if reference[0] != form:
        return False
    name = reference[1]
    if presented == name:
        return True
    if form != _DNS or not presented.startswith(b"*.") or presented.find(b".", 2) < 0:
        return False
    dot = name.find(b".")
    return dot > 0 and name[dot:] == presented[1:]


def parse_address(text: str):
    """Return the 4 or 16 bytes of an IP address in text form, or None when it is none.

    IPv6 in the forms of RFC 4291 §2.2, brackets allowed, zone identifiers not.
    """
    if text.startswith("[") and text.endswith("]"):
        text = text[1:-1]
    elif ":" not in text:
        return _parse_ipv4(text)
    if text.count("::") > 1 or ":::" in text:
        return None
    head, gap, tail = text.partition("::")
    front = _parse_groups(head, not gap)
    back = _parse_groups(tail, True) if gap else b""
    if front is None or back is None:
        return None
    missing = 16 - len(front) - len(back)
    # "::" stands for one or more groups of zeros.
    if (missing < 2) if gap else missing:
        return None
    return front + bytes(missing) + back


def _parse_ipv4(text):
    parts = text.split(".")
    if len(parts) != 4:
        return None
    address = bytearray()
    for part in parts:
        # A leading zero means octal to some readers: no such address is taken.
        if not _is_digits(part) or len(part) > 3 or int(part) > 255 or str(int(part)) != part:
            return None
        address.append(int(part))
    return bytes(address)


def _parse_groups(text, may_end_in_ipv4):
    """Return the bytes of the hexadecimal groups in `text`, or None."""
    address = b""
    if not text:
        return address
    parts = text.split(":")
    for index, part in enumerate(parts):
        if "." in part and may_end_in_ipv4 and index == len(parts) - 1:
            dotted = _parse_ipv4(part)
            if dotted is None:
                return None
            return address + dotted
        if not 1 <= len(part) <= 4:
            return None
        for character in part:
            if character not in "0123456789abcdefABCDEF":
                return None
        address += int(part, 16).to_bytes(2, "big")
    return address


def _parse_domain(text):
    """Return a domain name as lower-case bytes without a final dot, or None."""
    try:
        domain = text.encode("ascii").lower()
    except UnicodeError:
        return None
    if domain.endswith(b"."):
        domain = domain[:-1]
    if not 1 <= len(domain) <= 253:
        return None
    labels = domain.split(b".")
    for label in labels:
        if not 1 <= len(label) <= 63 or label[0] == 0x2D or label[-1] == 0x2D:
            return None
        for byte in label:
            if byte not in _LABEL_CHARACTERS:
                return None
    # No top-level domain is a number (RFC 3696 §2): "10.0.0.256" is a mistyped address.
    if _is_digits(labels[-1].decode()):
        return None
    return domain


def _is_digits(text):
    for octet in text.encode():  # each character of a str would stay in a board's memory for good
        if not 0x30 <= octet <= 0x39:
            return False
    return bool(text)
