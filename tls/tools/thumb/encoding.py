"""One Thumb-2 instruction of ARMv7-M: text in unified syntax -> halfwords.

Knows what the kernels use and refuses anything else. Where an instruction has a form of two bytes
and one of four the short one is taken, as GNU as does: a test assembles every kernel with both and
compares. Branches are always four bytes long unless they end in `.n`; `assembler` resolves them.

Encodings: Armv7-M Architecture Reference Manual (DDI 0403), chapters A5 and A7.
"""

from __future__ import annotations

import re

_ALIASES = {"sp": 13, "lr": 14, "pc": 15, "ip": 12, "fp": 11}
_REGISTERS = {**{f"r{i}": i for i in range(16)}, **_ALIASES}
# Data processing: four-bit code of the long form; code of the short form with two low registers.
_ARITHMETIC = {
    "and": (0b0000, 0b0000), "bic": (0b0001, 0b1110), "orr": (0b0010, 0b1100),
    "eor": (0b0100, 0b0001), "add": (0b1000, None), "adc": (0b1010, 0b0101),
    "sbc": (0b1011, 0b0110), "sub": (0b1101, None), "rsb": (0b1110, None),
}  # fmt: skip
_COMMUTATIVE = ("and", "orr", "eor", "adc")
_COMPARISONS = {"cmp": (0b1101, 0b1010), "tst": (0b0000, 0b1000), "cmn": (0b1000, 0b1011)}
_SHIFTS = {"lsl": 0, "lsr": 1, "asr": 2, "ror": 3}
_SHORT_SHIFTS = {"lsl": 0b0010, "lsr": 0b0011, "asr": 0b0100, "ror": 0b0111}
CONDITIONS = {
    "eq": 0, "ne": 1, "cs": 2, "hs": 2, "cc": 3, "lo": 3, "mi": 4, "pl": 5, "hi": 8, "ls": 9,
    "ge": 10, "lt": 11, "gt": 12, "le": 13,
}  # fmt: skip
_MEMORY = {  # long form's first halfword with an offset of 12 bits; log2 of the size
    "ldr": (0xF8D0, 2), "str": (0xF8C0, 2), "ldrb": (0xF890, 0), "strb": (0xF880, 0),
}  # fmt: skip
_SHORT_MEMORY = {"ldr": 0x6800, "str": 0x6000, "ldrb": 0x7800, "strb": 0x7000}
_SHORT_INDEXED = {"ldr": 0x5800, "str": 0x5000, "ldrb": 0x5C00, "strb": 0x5400}


class AssemblyError(ValueError):
    """An instruction that does not exist, or is not known here."""


def encode(text: str) -> tuple[int, ...]:
    """Return the one or two halfwords of an instruction that is no branch to a label.

    Raises:
        AssemblyError: names the instruction.
    """
    name, _, rest = text.strip().partition(" ")
    operands = _split(rest)
    try:
        return _encode(name, operands)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise AssemblyError(f"{text.strip()!r} cannot be encoded: {error}") from error


def branch(name: str, distance: int) -> tuple[int, ...]:
    """Return a branch.

    Args:
        name: `b`, `bl`, `beq`, ...; `.n` behind it asks for the short form.
        distance: bytes from the branch's own address plus 4 to the target.

    Raises:
        AssemblyError: too far.
    """
    stem, _, width = name.partition(".")
    offset = distance >> 1
    if width == "n":
        bits = 11 if stem == "b" else 8
        if not -(1 << bits - 1) <= offset < 1 << bits - 1:
            raise AssemblyError(f"{name} over {distance} bytes")
        if stem == "b":
            return (0xE000 | offset & 0x7FF,)
        return (0xD000 | CONDITIONS[stem[1:]] << 8 | offset & 0xFF,)
    sign = int(offset < 0)
    if stem in ("b", "bl"):
        j1, j2 = (1 - (offset >> bit & 1 ^ sign) for bit in (22, 21))
        link = 0xD000 if stem == "bl" else 0x9000
        low = link | j1 << 13 | j2 << 11 | offset & 0x7FF
        return (0xF000 | sign << 10 | offset >> 11 & 0x3FF, low)
    if not -(1 << 19) <= offset < 1 << 19:
        raise AssemblyError(f"{name} over {distance} bytes")
    low = 0x8000 | (offset >> 17 & 1) << 13 | (offset >> 18 & 1) << 11 | offset & 0x7FF
    return (0xF000 | sign << 10 | CONDITIONS[stem[1:]] << 6 | offset >> 11 & 0x3F, low)


def is_branch(name: str) -> bool:
    """Whether the instruction of this name goes to a label."""
    stem = name.partition(".")[0]
    return stem in ("b", "bl") or (stem[:1] == "b" and stem[1:] in CONDITIONS)


def _split(rest: str) -> list[str]:
    """Cut operands at the commas that are in no brackets."""
    return [part.strip() for part in re.findall(r"(?:\[[^]]*\]|\{[^}]*\}|[^,])+", rest)]


def _register(text: str) -> int:
    return _REGISTERS[text]


def _number(text: str) -> int:
    if not text.startswith("#"):
        raise ValueError(f"{text} is no number")
    return int(text[1:], 0)


def _low(*registers: int) -> bool:
    return all(register < 8 for register in registers)


def _constant(value: int) -> int:
    """Return the 12 bits of a modified immediate constant (A5.3.2)."""
    value &= 0xFFFFFFFF
    octet = value & 0xFF
    if value == octet:
        return value
    if value == octet * 0x00010001:
        return 0x100 | octet
    if value == (value >> 8 & 0xFF) * 0x01000100:
        return 0x200 | value >> 8 & 0xFF
    if value == octet * 0x01010101:
        return 0x300 | octet
    for rotation in range(8, 32):
        turned = (value << rotation | value >> 32 - rotation) & 0xFFFFFFFF
        if 0x80 <= turned <= 0xFF:
            return rotation << 7 | turned & 0x7F
    raise ValueError(f"{value:#x} is no modified immediate constant")


def _with_constant(head: int, destination: int, constant: int) -> tuple[int, int]:
    """Put 12 bits of a constant, as i:imm3:imm8, into a long instruction."""
    return (
        head | (constant >> 11) << 10,
        (constant >> 8 & 7) << 12 | destination << 8 | constant & 0xFF,
    )


def _encode(name: str, operands: list[str]) -> tuple[int, ...]:
    if name in _MEMORY:
        return _memory(name, operands)
    if name in _SPECIAL:
        return _SPECIAL[name](operands)
    sets_flags = name.endswith("s") and name[:-1] in (*_ARITHMETIC, *_SHIFTS, "mov", "mvn")
    stem = name[:-1] if sets_flags else name
    if stem in _ARITHMETIC:
        return _arithmetic(stem, sets_flags, operands)
    if name in _COMPARISONS:
        return _comparison(name, operands)
    if stem in _SHIFTS:
        return _shift(stem, sets_flags, operands)
    if stem in ("mov", "mvn"):
        return _move(stem, sets_flags, operands)
    raise ValueError("unknown instruction")


def _arithmetic(stem: str, sets_flags: bool, operands: list[str]) -> tuple[int, ...]:
    code, short = _ARITHMETIC[stem]
    destination = _register(operands[0])
    operands = (
        operands if len(operands) > 2 and not _is_shift(operands[2]) else operands[:1] + operands
    )
    first = _register(operands[1])
    if operands[2].startswith("#"):
        return _arithmetic_constant(stem, sets_flags, destination, first, _number(operands[2]))
    second = _register(operands[2])
    if len(operands) == 3:
        if stem in ("add", "sub"):
            found = _short_sum(stem, sets_flags, destination, first, second)
            if found is not None:
                return found
        if short is not None and sets_flags and _low(destination, first, second):
            if destination == second and stem in _COMMUTATIVE:
                first, second = second, first
            if destination == first:
                return (0x4000 | short << 6 | second << 3 | destination,)
    head = 0xEA00 | code << 5 | int(sets_flags) << 4 | first
    return head, _shifted(operands[3:]) | destination << 8 | second


def _is_shift(text: str) -> bool:
    return text.partition(" ")[0] in _SHIFTS


def _shifted(rest: list[str]) -> int:
    """Return imm3, imm2 and type of an operand shifted by a constant."""
    if not rest:
        return 0
    kind, _, amount = rest[0].partition(" ")
    by = _number(amount.strip()) & 31
    return (by >> 2) << 12 | (by & 3) << 6 | _SHIFTS[kind] << 4


def _short_sum(stem, sets_flags, destination, first, second) -> tuple[int, ...] | None:
    if sets_flags:
        if _low(destination, first, second):
            head = 0x1800 if stem == "add" else 0x1A00
            return (head | second << 6 | first << 3 | destination,)
    elif stem == "add" and destination in (first, second) and (first != 13 or destination == 13):
        other = second if destination == first else first
        return (0x4400 | (destination >> 3) << 7 | other << 3 | destination & 7,)
    return None


def _arithmetic_constant(stem, sets_flags, destination, first, value) -> tuple[int, ...]:
    if stem in ("add", "sub"):
        plus = stem == "add"
        if sets_flags and _low(destination, first) and 0 <= value < 256:
            if destination == first:
                return ((0x3000 if plus else 0x3800) | destination << 8 | value,)
            if value < 8:
                return ((0x1C00 if plus else 0x1E00) | value << 6 | first << 3 | destination,)
        if not sets_flags and first == 13 and value % 4 == 0:
            if destination == 13 and value < 512:
                return ((0xB000 if plus else 0xB080) | value >> 2,)
            if plus and destination < 8 and value < 1024:
                return (0xA800 | destination << 8 | value >> 2,)
    if stem == "rsb" and sets_flags and value == 0 and _low(destination, first):
        return (0x4240 | first << 3 | destination,)
    head = 0xF000 | _ARITHMETIC[stem][0] << 5 | int(sets_flags) << 4 | first
    try:
        return _with_constant(head, destination, _constant(value))
    except ValueError:
        if stem not in ("add", "sub") or sets_flags or not 0 <= value < 4096:
            raise
        head = (0xF200 if stem == "add" else 0xF2A0) | first
        return _with_constant(head, destination, value)


def _comparison(name: str, operands: list[str]) -> tuple[int, ...]:
    code, short = _COMPARISONS[name]
    first = _register(operands[0])
    if operands[1].startswith("#"):
        value = _number(operands[1])
        if name == "cmp" and first < 8 and 0 <= value < 256:
            return (0x2800 | first << 8 | value,)
        return _with_constant(0xF000 | code << 5 | 1 << 4 | first, 15, _constant(value))
    second = _register(operands[1])
    if len(operands) == 2:
        if _low(first, second):
            return (0x4000 | short << 6 | second << 3 | first,)
        if name == "cmp":
            return (0x4500 | (first >> 3) << 7 | second << 3 | first & 7,)
    return 0xEA10 | code << 5 | first, _shifted(operands[2:]) | 15 << 8 | second


def _shift(stem: str, sets_flags: bool, operands: list[str]) -> tuple[int, ...]:
    operands = operands if len(operands) == 3 else [operands[0], *operands]
    destination, source = map(_register, operands[:2])
    if operands[2].startswith("#"):
        amount = _number(operands[2])
        if sets_flags and _low(destination, source) and stem != "ror":
            return (_SHIFTS[stem] << 11 | (amount & 31) << 6 | source << 3 | destination,)
        shift = _shifted([f"{stem} #{amount}"])
        return 0xEA4F | int(sets_flags) << 4, shift | destination << 8 | source
    amount = _register(operands[2])
    if sets_flags and destination == source and _low(destination, amount):
        return (0x4000 | _SHORT_SHIFTS[stem] << 6 | amount << 3 | destination,)
    head = 0xFA00 | _SHIFTS[stem] << 5 | int(sets_flags) << 4 | source
    return head, 0xF000 | destination << 8 | amount


def _move(stem: str, sets_flags: bool, operands: list[str]) -> tuple[int, ...]:
    destination = _register(operands[0])
    code = 0b0010 if stem == "mov" else 0b0011
    if not operands[1].startswith("#"):
        source = _register(operands[1])
        if stem == "mov" and len(operands) == 2:
            if not sets_flags:
                return (0x4600 | (destination >> 3) << 7 | source << 3 | destination & 7,)
            if _low(destination, source):
                return (source << 3 | destination,)
        if stem == "mvn" and sets_flags and _low(destination, source) and len(operands) == 2:
            return (0x43C0 | source << 3 | destination,)
        head = 0xEA0F | code << 5 | int(sets_flags) << 4
        return head, _shifted(operands[2:]) | destination << 8 | source
    value = _number(operands[1])
    if stem == "mov" and sets_flags and destination < 8 and 0 <= value < 256:
        return (0x2000 | destination << 8 | value,)
    head = 0xF00F | code << 5 | int(sets_flags) << 4
    return _with_constant(head, destination, _constant(value))


def _memory(name: str, operands: list[str]) -> tuple[int, ...]:
    head, scale = _MEMORY[name]
    target = _register(operands[0])
    inside = _split(operands[1].strip("[]! "))
    base = _register(inside[0])
    written_back = operands[1].endswith("!")
    if len(inside) > 1 and not inside[1].startswith("#"):
        index = _register(inside[1])
        if len(inside) == 2 and _low(target, base, index):
            return (_SHORT_INDEXED[name] | index << 6 | base << 3 | target,)
        amount = _number(inside[2].removeprefix("lsl").strip()) if len(inside) > 2 else 0
        return head & ~0x80 | base, target << 12 | amount << 4 | index
    offset = _number(inside[1]) if len(inside) > 1 else 0
    if len(operands) > 2 or written_back or offset < 0:
        after = len(operands) > 2
        offset = _number(operands[2]) if after else offset
        if not -256 < offset < 256:
            raise ValueError("offset")
        mode = (
            0x800 | int(not after) << 10 | int(offset >= 0) << 9 | int(after or written_back) << 8
        )
        return head & ~0x80 | base, target << 12 | mode | abs(offset)
    if offset % (1 << scale) == 0:
        if base == 13 and scale == 2 and target < 8 and offset < 1024:
            return ((0x9800 if name == "ldr" else 0x9000) | target << 8 | offset >> 2,)
        if _low(target, base) and offset >> scale < 32:
            return (_SHORT_MEMORY[name] | (offset >> scale) << 6 | base << 3 | target,)
    if not 0 <= offset < 4096:
        raise ValueError("offset")
    return head | base, target << 12 | offset


def _list(text: str) -> int:
    """Return the bits of a register list."""
    bits = 0
    for part in text.strip("{} ").split(","):
        first, _, last = part.strip().partition("-")
        for register in range(_register(first), _register(last or first) + 1):
            bits |= 1 << register
    return bits


def _multiple(load: bool, operands: list[str]) -> tuple[int, ...]:
    base = _register(operands[0].rstrip("!"))
    written_back = operands[0].endswith("!")
    bits = _list(operands[1])
    if _low(base) and bits < 256 and written_back != bool(load and bits >> base & 1):
        return ((0xC800 if load else 0xC000) | base << 8 | bits,)
    if bits & bits - 1 == 0:
        raise ValueError("a single register")
    return 0xE880 | int(load) << 4 | int(written_back) << 5 | base, bits


def _push(operands: list[str]) -> tuple[int, ...]:
    bits = _list(operands[0])
    if not bits & ~0x40FF:
        return (0xB400 | (bits >> 14) << 8 | bits & 0xFF,)
    return 0xE92D, bits


def _pop(operands: list[str]) -> tuple[int, ...]:
    bits = _list(operands[0])
    if not bits & ~0x80FF:
        return (0xBC00 | (bits >> 15) << 8 | bits & 0xFF,)
    return 0xE8BD, bits


def _double(load: bool, operands: list[str]) -> tuple[int, ...]:
    first, second = map(_register, operands[:2])
    inside = _split(operands[2].strip("[] "))
    offset = _number(inside[1]) if len(inside) > 1 else 0
    after = len(operands) > 3
    offset = _number(operands[3]) if after else offset
    if offset % 4 or not -1024 < offset < 1024:
        raise ValueError("offset")
    head = 0xE870 if after else 0xE950
    head = (head if load else head & ~0x10) | int(offset >= 0) << 7 | _register(inside[0])
    return head, first << 12 | second << 8 | abs(offset) >> 2


def _long_product(head: int, operands: list[str]) -> tuple[int, ...]:
    low, high, first, second = map(_register, operands)
    return head | first, low << 12 | high << 8 | second


def _product(operands: list[str]) -> tuple[int, ...]:
    destination, first, second = map(_register, operands)
    return 0xFB00 | first, 0xF000 | destination << 8 | second


def _product_short(operands: list[str]) -> tuple[int, ...]:
    destination, first, second = map(_register, operands)
    if not _low(destination, first, second) or destination not in (first, second):
        raise ValueError("registers")
    other = first if destination == second else second
    return (0x4340 | other << 3 | destination,)


def _product_sum(code: int, operands: list[str]) -> tuple[int, ...]:
    destination, first, second, summand = map(_register, operands)
    return 0xFB00 | first, summand << 12 | destination << 8 | code << 4 | second


def _add_wide(operands: list[str]) -> tuple[int, ...]:
    value = _number(operands[2])
    if not 0 <= value < 4096:
        raise ValueError("constant")
    return _with_constant(0xF200 | _register(operands[1]), _register(operands[0]), value)


def _move_half(head: int, operands: list[str]) -> tuple[int, ...]:
    value = _number(operands[1])
    if not 0 <= value < 65536:
        raise ValueError("constant")
    return _with_constant(head | value >> 12, _register(operands[0]), value & 0xFFF)


def _field(head: int, operands: list[str]) -> tuple[int, ...]:
    destination, source = map(_register, operands[:2])
    start, width = map(_number, operands[2:])
    return head | source, (start >> 2) << 12 | destination << 8 | (start & 3) << 6 | width - 1


def _extended(operands: list[str]) -> tuple[int, ...]:
    destination, source = map(_register, operands[:2])
    if len(operands) == 2 and _low(destination, source):
        return (0xB2C0 | source << 3 | destination,)
    rotation = _number(operands[2].removeprefix("ror").strip()) >> 3 if len(operands) > 2 else 0
    return 0xFA5F, 0xF080 | destination << 8 | rotation << 4 | source


def _reversed(short: int, head: int, tail: int, operands: list[str]) -> tuple[int, ...]:
    destination, source = map(_register, operands)
    if short and _low(destination, source):
        return (short | source << 3 | destination,)
    return head | source, tail | destination << 8 | source


_SPECIAL = {
    "ldmia": lambda o: _multiple(True, o),
    "stmia": lambda o: _multiple(False, o),
    "push": _push,
    "pop": _pop,
    "ldrd": lambda o: _double(True, o),
    "strd": lambda o: _double(False, o),
    "umull": lambda o: _long_product(0xFBA0, o),
    "umlal": lambda o: _long_product(0xFBE0, o),
    "smull": lambda o: _long_product(0xFB80, o),
    "smlal": lambda o: _long_product(0xFBC0, o),
    "mul": _product,
    "muls": _product_short,
    "mla": lambda o: _product_sum(0, o),
    "mls": lambda o: _product_sum(1, o),
    "addw": _add_wide,
    "movw": lambda o: _move_half(0xF240, o),
    "movt": lambda o: _move_half(0xF2C0, o),
    "ubfx": lambda o: _field(0xF3C0, o),
    "sbfx": lambda o: _field(0xF340, o),
    "uxtb": _extended,
    "rev": lambda o: _reversed(0xBA00, 0xFA90, 0xF080, o),
    "rbit": lambda o: _reversed(0, 0xFA90, 0xF0A0, o),
    "clz": lambda o: _reversed(0, 0xFAB0, 0xF080, o),
    "rrxs": lambda o: (0xEA5F, 0x30 | _register(o[0]) << 8 | _register(o[1])),
    "bx": lambda o: (0x4700 | _register(o[0]) << 3,),
    "nop": lambda _: (0xBF00,),
}
