"""The names a chain presents, held until an authority above constrains them (RFC 5280 §4.2.1.10).

Certificates arrive leaf first, so the names come before the constraints on them. The store keeps
the dNSName and iPAddress entries of the certificates below as `form, marked, length, name` one
after the other, up to a limit; beyond it the names are dropped and any later constraint on their
form refuses the chain, which is strict and bounded. A `permittedSubtrees` is judged as its bases
stream by: each base marks the names within it, and at the end every name of a constrained form
must be marked.

Of the other forms only their presence is kept, because "the application MUST either process the
constraint or reject the certificate" if such a name appears: it is rejected. A constraint on a
form that no certificate below uses is satisfied.
"""

from tlscore.x509.refusal import refuse

# GeneralName alternatives (RFC 5280 §4.2.1.6) by their context tag.
FORM_EMAIL = 1
FORM_DNS = 2
FORM_DIRECTORY = 4
FORM_ADDRESS = 7

_HEADER = 3
_MARK = 1


class PresentedNames:
    """Names of the certificates below the one being read.

    Args:
        limit_bytes: most bytes the store may grow to; a name costs 3 bytes and itself.
    """

    def __init__(self, limit_bytes: int):
        self._limit = limit_bytes
        self.clear()

    def clear(self) -> None:
        """Forget everything: a new chain begins."""
        self._store = bytearray()
        self._forms = 0  # bit per form seen in any certificate so far
        self._dropped = 0  # bit per form of which names were not kept
        self.begin_certificate()

    def begin_certificate(self) -> None:
        """Say that what is added from here on belongs to the next certificate.

        Constraints in it apply to the certificates below, not to its own names.
        """
        self._end = len(self._store)
        self._forms_below = self._forms
        self._permitted = 0

    def note(self, form: int) -> None:
        """Remember that a name of this form appears."""
        self._forms |= 1 << form

    def add(self, form: int, name: bytes) -> None:
        """Keep a lower-case dNSName or an iPAddress."""
        self.note(form)
        if len(self._store) + _HEADER + len(name) > self._limit:
            self._dropped |= 1 << form
            return
        self._store.extend(bytes((form, 0, len(name))))
        self._store.extend(name)

    def begin_constraints(self) -> None:
        """Start judging the NameConstraints of the certificate being read."""
        self._permitted = 0
        place = 0
        while place < self._end:
            self._store[place + _MARK] = 0
            place += _HEADER + self._store[place + 2]

    def constrain(self, form: int, base: bytes, excluded: bool) -> None:
        """Judge the names below against one subtree; a domain base is in lower case."""
        if not self._forms_below & 1 << form:
            return
        if form not in (FORM_DNS, FORM_ADDRESS):
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
                within = _within_domain if form == FORM_DNS else _within_network
                if within(name, base, excluded):
                    if excluded:
                        refuse("name_excluded")
                    store[place + _MARK] = 1
            place = end

    def end_constraints(self) -> None:
        """Require every name of a constrained form to be within a permitted subtree."""
        store = self._store
        place = 0
        while place < self._end:
            if self._permitted & 1 << store[place] and not store[place + _MARK]:
                refuse("name_not_permitted")
            place += _HEADER + store[place + 2]


def is_domain_base(base: bytes) -> bool:
    """Tell whether a constraint's dNSName is well-formed: no wildcard, no leading dot.

    "Any DNS name that can be constructed by simply adding zero or more labels to the left-hand
    side of the name satisfies the name constraint": the base itself is a plain name, or empty.
    """
    return not base.startswith(b".") and b"*" not in base


def is_network_base(base: bytes) -> bool:
    """Tell whether a constraint's iPAddress is an address and a CIDR mask (RFC 4632)."""
    half = len(base) // 2
    if len(base) not in (8, 32):
        return False
    mask = int.from_bytes(base[half:], "big")
    inverse = mask ^ ((1 << half * 8) - 1)
    return inverse & (inverse + 1) == 0


def _within_domain(name, base, excluded):
    if not base or name == base or name.endswith(b"." + base):
        return True
    # An excluded base one label below a wildcard's parent is among the names it stands for.
    if excluded and name.startswith(b"*."):
        dot = base.find(b".")
        return dot > 0 and base[dot:] == name[1:]
    return False


def _within_network(address, base, _excluded):
    half = len(base) // 2
    if len(address) != half:
        return False
    for index in range(half):
        if (address[index] ^ base[index]) & base[half + index]:
            return False
    return True
