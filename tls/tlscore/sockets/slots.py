"""The slots of secure_sock: a fixed number of sessions; the least recently used has to go first.

A slot's room is what its stack needs for a session; it is allocated once and lent to one session
after another.
"""

from tlscore.errors import UsageError


class Slot:
    """Room for one session.

    Attributes:
        room: what the stack made.
        owner: the SecureSock that has it, None if nobody does.
        used: when it was used last, in turns.
        is_reserved: it belongs to a listener of datagrams, which shares it out itself.
    """

    owner = None
    used = 0
    is_reserved = False

    def __init__(self, room):
        self.room = room


class Slots:
    """All slots there are.

    Args:
        stack: makes the rooms.
        count: how many.
        evicts: who comes when none is free gets that of the session that was used least recently.

    Attributes:
        evicted: how many sessions had to go.
    """

    def __init__(self, stack, count, evicts):
        self._slots = [Slot(stack.new_room()) for _ in range(count)]
        self._evicts = evicts
        self._turn = 0
        self.evicted = 0

    def __len__(self):
        return len(self._slots)

    @property
    def free(self) -> int:
        """How many slots nobody has."""
        return len(self._free())

    def _free(self):
        return [slot for slot in self._slots if slot.owner is None and not slot.is_reserved]

    def owners(self) -> list:
        """Return the socks that have a slot, in the order of the slots."""
        return [slot.owner for slot in self._slots if slot.owner is not None]

    def touch(self, slot):
        """Note that a slot is used now."""
        self._turn += 1
        slot.used = self._turn

    def take(self, owner):
        """Return a slot for a new session, evicting another if need be.

        Raises:
            UsageError: "sock.no_slot".
        """
        free = self._free()
        slot = free[0] if free else self._least_recent()
        if slot is None:
            raise UsageError("sock.no_slot")
        if slot.owner is not None:
            self.evicted += 1
            slot.owner.evict()
        slot.owner = owner
        self.touch(slot)
        return slot

    def _least_recent(self):
        found = None
        if self._evicts:
            for slot in self._slots:
                if not slot.is_reserved and (found is None or slot.used < found.used):
                    found = slot
        return found

    def reserve(self, count):
        """Return so many free slots (None: all there are) for one that shares them out itself.

        Raises:
            UsageError: "sock.no_slot".
        """
        free = self._free()
        count = len(free) if count is None else count
        if not 0 < count <= len(free):
            raise UsageError("sock.no_slot")
        for slot in free[:count]:
            slot.is_reserved = True
        return free[:count]

    def unreserve(self, slots):
        """Have slots be free again."""
        for slot in slots:
            slot.owner = None
            slot.is_reserved = False
