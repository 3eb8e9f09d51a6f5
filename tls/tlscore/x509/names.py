"""The name a server must have, and whether a certificate presents it (RFC 9525).

Only subjectAltName counts: a dNSName for a domain name, an iPAddress for an address written as
one; the subject's common name is never looked at (RFC 9525 §2). Domain names are ASCII: an
internationalized name is given by its A-labels.
"""

from tlscore.errors import UsageError

_LABEL_CHARACTERS = b"abcdefghijklmnopqrstuvwxyz0123456789-_"


class ReferenceName:
    """The name the caller asked for, ready to be compared.

    Args:
        text: a domain name, with or without a final dot, or an IPv4 or IPv6 address.

    Raises:
        UsageError: `certificate.server_name`: neither of the three.
    """

    def __init__(self, text: str):
        self.address = parse_address(text)
        self.domain = None
        if self.address is None:
            self.domain = _parse_domain(text)
        if self.address is None and self.domain is None:
            raise UsageError("certificate.server_name")

    def matches_domain(self, presented: bytes) -> bool:
        """Tell whether a lower-case dNSName stands for this name.

        A wildcard is the whole left-most label and stands for exactly one label (RFC 9525 §6.3);
        at least two labels follow it, so that `*.com` stands for nothing.
        """
        domain = self.domain
        if domain is None:
            return False
        if presented == domain:
            return True
        if not presented.startswith(b"*.") or presented.find(b".", 2) < 0:
            return False
        dot = domain.find(b".")
        return dot > 0 and domain[dot:] == presented[1:]

    def matches_address(self, presented: bytes) -> bool:
        """Tell whether an iPAddress of 4 or 16 bytes is this address."""
        return self.address is not None and presented == self.address


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
    for character in text:
        if character not in "0123456789":
            return False
    return bool(text)
