"""Name constraints, judged over the names of the certificates below (RFC 5280 §4.2.1.10).

Certificates arrive leaf first, so the names come before the constraints on them; extensions.py
keeps them until then. This file is loaded by the first certificate that has constraints: few do.
`permittedSubtrees` are judged as their bases stream by: each base marks the names within it, and
at the end every name of a constrained form must be marked.

Processed are dNSName, iPAddress and rfc822Name. Of the other forms only their presence is known,
because "the application MUST either process the constraint or reject the certificate" if such a
name appears: it is rejected. So is a constraint on mailboxes where a subject's Name holds one, for
the text of a Name is not read. A constraint on a form that no certificate below uses is satisfied.
"""

from tlscore.compat import const
from tlscore.x509.extensions import is_ascii, lower_domain
from tlscore.x509.refusal import refuse

# GeneralName alternatives by their context tag, and the subject's mailbox, as in extensions.py
_MAILBOX = const(1)
_DNS = const(2)
_ADDRESS = const(7)
_SUBJECT_MAILBOX = const(9)

# The header of a name in the store: form, whether a permitted subtree has it, length
_HEADER = const(3)
_MARK = const(1)


class NameConstraints:
    """Judge of the constraints of one certificate.

    Args:
        store: names of the certificates below and above: `form, marked, length, name` each.
        end: where in the store the names below end.
        forms: a bit for each form that appears below.
        dropped: a bit for each form of which not all names were kept.
    """

    def __init__(self, store: bytearray, end: int, forms: int, dropped: int):
        self._store = store
        self._end = end
        self._forms = forms
        self._dropped = dropped
        self._permitted = 0  # bit per form that a permitted subtree constrains
        place = 0
        while place < end:
            store[place + _MARK] = 0
            place += _HEADER + store[place + 2]

    def subtree(self, form: int, base: bytes, excluded: bool) -> None:
        """Judge the names below against the base of one subtree."""
        base = _checked_base(form, base)
        if form == _MAILBOX and self._forms & 1 << _SUBJECT_MAILBOX:
            refuse("unsupported_name_constraints")
        if not self._forms & 1 << form:
            return
        if form not in (_DNS, _ADDRESS, _MAILBOX):
            refuse("unsupported_name_constraints")
        if self._dropped & 1 << form:
            refuse("too_many_names")
        if not excluded:
            self._permitted |= 1 << form
        store = self._store
        place = 0
        while place < self._end:
            end = place + _HEADER + store[place + 2]
            if store[place] == form:
                name = bytes(memoryview(store)[place + _HEADER : end])
                if _within(form, name, base, excluded):
                    if excluded:
                        refuse("name_excluded")
                    store[place + _MARK] = 1
            place = end

    def end(self) -> None:
        """Require every name of a constrained form to be within a permitted subtree."""
        store = self._store
        place = 0
        while place < self._end:
            if self._permitted & 1 << store[place] and not store[place + _MARK]:
                refuse("name_not_permitted")
            place += _HEADER + store[place + 2]


def _checked_base(form, base):
    """Return a base with its domain in lower case; refuse one that is none."""
    good = True
    if form == _DNS:
        # "Any DNS name that can be constructed by simply adding zero or more labels to the
        # left-hand side of the name satisfies the name constraint": the base itself is a plain
        # name, or empty; no wildcard, no leading dot.
        good = is_ascii(base) and not base.startswith(b".") and b"*" not in base
        base = base.lower()
    elif form == _MAILBOX:
        good = is_ascii(base)
        base = lower_domain(base)
    elif form == _ADDRESS:
        good = _is_network(base)
    if not good:
        refuse("name_constraints_syntax")
    return base


def _is_network(base):
    """Tell whether a constraint's iPAddress is an address and a CIDR mask (RFC 4632)."""
    half = len(base) // 2
    if len(base) not in (8, 32):
        return False
    mask = int.from_bytes(base[half:], "big")
    inverse = mask ^ ((1 << half * 8) - 1)
    return inverse & (inverse + 1) == 0


def _within(form, name, base, excluded):
    if form == _DNS:
        return _within_domain(name, base, excluded)
    if form == _MAILBOX:
        return _within_mailboxes(name, base, excluded)
    return _within_network(name, base)


def _within_mailboxes(mailbox, base, excluded):
    """A base is one mailbox, all on one host, or after a dot all on the hosts of a domain."""
    at = mailbox.rfind(b"@")
    if at <= 0:
        return excluded  # no mailbox: within nothing that is permitted, and all that is not
    if b"@" in base:
        return mailbox == base
    if base.startswith(b"."):
        return mailbox.endswith(base)
    return mailbox[at + 1 :] == base


def _within_domain(name, base, excluded):
    if not base or name == base or name.endswith(b"." + base):
        return True
    # An excluded base one label below a wildcard's parent is among the names it stands for.
    if excluded and name.startswith(b"*."):
        dot = base.find(b".")
        return dot > 0 and base[dot:] == name[1:]
    return False


def _within_network(address, base):
    half = len(base) // 2
    if len(address) != half:
        return False
    for index in range(half):
        if (address[index] ^ base[index]) & base[half + index]:
            return False
    return True
