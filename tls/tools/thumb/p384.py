"""The kernel of P-384: the machine of P-256 with numbers of twelve words.

{interface}

Theory of operation. As in `p256_machine`: field elements in Montgomery form, here with R = 2^384,
in slots of 48 bytes on the stack, programs of field operations, secret scalars as signs of 384
(comb: 385) digits +1 and -1, in fours or in fives that are 77 places apart, one formula for the
addition, and Z = 0 to the end where it does not hold, upon which the caller falls back on the
portable code. Divisions are by `division_steps`, sums of public multiples by `point_sums`.

Reduction. p = 2^384 - 2^128 - 2^96 + 2^32 - 1, and -1/p mod 2^32 = 1. The sum of the product T and
of M p, where M = m(0) + m(1) 2^32 + ..., has to be divisible by R: column i < 12 of it is
T(i) - m(i) + m(i-1) - m(i-3) - m(i-4), and so the words of M come out one after the other, with
carries. Three columns at a time: two chains of subtractions of words that are known by then, and
one of additions, each of which takes the word just made. The other columns get the rest of M p.

Bounds. Operands below p: (T + M p) / R < 2 p, and adding 2^384 - p = 2^128 + 2^96 - 2^32 + 1, kept
only if it carries out of 384 bits, reduces it fully. Each chain has a carry of one bit; from column
16 on the four of them are one number between -2 and 2. Sums are below 2 p, a difference that
borrows gets p added once; x + p for an odd x has 385 bits, which the shift right takes in.

Registers. The words of a result in r1, r2, r4-r12 and lr, r3 for operands and masks, r0 for the
highest carry; the result's address waits on the stack. In the reduction r4-r10 hold words of M,
r12, lr and r11 the carries of the three chains, 0 for a carry and -1 for none.

Timing: the same instructions and addresses whatever the scalars, unless Z becomes 0; of sums they
are public.
"""

from __future__ import annotations

from thumb import multiprecision, p384_programs, point_frame, point_machine
from thumb import p256_programs as programs
from thumb.assembler import Code

NAME = "multiply"
ARGUMENTS = 4
INTERFACE = """\
`multiply(buffer, table, first, what)`: `buffer` is a bytearray of 192 bytes, little-endian numbers
of 48: X, Y, and SIGNS or Z; COMB_SIGNS, which has 49, is where SIGNS is, but behind it for a sum of
two; results are X, Y, Z; `table` 2,448 bytes: 16 affine points in Montgomery form,
then R^2, R and 1 modulo p, and the generator's odd multiples 1 to 15; `first` the first digit's
place; `what` is one of

- 1: the scalar SIGNS times the point (X, Y); `first` is 380;
- 2: the scalar COMB_SIGNS times the generator; `first` is 76;
- 8: X / Z and Y / Z modulo n;
- 32: SIGNS times the point (X, Y) and COMB_SIGNS times the generator, with the numbers themselves
  instead of signs, below 2^384.

4 together with 1 or 2 asks for the affine point X, Y. Points are not in Montgomery form."""

_WORDS = ("r1", "r2", *(f"r{i}" for i in range(4, 13)), "lr")
_LIST = "{r1, r2, r4-r12, lr}"
# The words of M, three columns at a time, and the four that high columns are made of.
_M = (("r4", "r5", "r6"), ("r7", "r8", "r9"), ("r4", "r5", "r10"), ("r6", "r7", "r8"))
_CHAINS = _FOURTH_LESS, _THIRD_LESS, _BEFORE = ("lr", "r12", "r11")
_PRODUCT_BYTES = 96


def kernel() -> Code:
    """Return the kernel's code."""
    code = Code()
    point_machine.write(code, SHAPE)
    _product(code)
    _once(code)
    _sum(code)
    _difference(code)
    _half(code)
    code("end:")
    return code


def _finish_y(code: Code) -> None:
    code("# p - y = (p + 1) + not y, where p + 1 has the words 0, 1, 0, -1, -2, -1, ..., -1")
    code(f"ldr r0, [sp, #{point_frame.WORKSPACE}]", f"add r0, r0, #{48 * programs.TY}")
    code("add r1, r0, #24", "stmia r1, {r4-r9}", f"ldr r3, [sp, #{point_frame.SIGN}]")
    code("push {r0}", f"ldmia r0, {_LIST}")
    for word in _WORDS:
        code(f"eor {word}, {word}, r3")
    code("and r0, r3, #1", "adds r2, r2, r0", "adcs r4, r4, #0", "adcs r5, r5, r3")
    code("adcs r6, r6, r3, lsl #1")
    for word in _WORDS[5:]:
        code(f"adcs {word}, {word}, r3")
    code("pop {r0}", f"stmia r0, {_LIST}", f"ldr r0, [sp, #{point_frame.WORKSPACE}]")


SHAPE = point_frame.Shape(
    words=12, spacing=77, part=tuple(f"r{i}" for i in range(4, 10)), parts=2,
    programs=p384_programs.ALL, finish_y=_finish_y, prime=p384_programs.P,
    order=p384_programs.N, width=5, signs=(2, 2),
)  # fmt: skip


def _product(code: Code) -> None:
    code("# product: [r0] = [r1] [r2] / R modulo p", "product:", "push {r0, lr}")
    code(f"sub sp, #{_PRODUCT_BYTES}")
    multiprecision.multiply(code, 12)
    code("# the words of M, in the place of the low words of the product", "mov r0, sp")
    words = [word for group in _M for word in group]
    for group, new in enumerate(_M):
        code(f"ldmia r0, {{{', '.join(new)}}}")
        for chain, distance, first, others in (
            (_THIRD_LESS, 3, "subs", "sbcs"), (_FOURTH_LESS, 4, "subs", "sbcs"),
            (_BEFORE, 1, "adds", "adcs"),
        ):  # fmt: skip
            terms = [
                (words[column], words[column - distance])
                for column in range(3 * group, 3 * group + 3)
                if column >= distance
            ]
            _chain(code, chain, terms, first, others, 3 * group <= distance)
        code(f"stmia r0!, {{{', '.join(new)}}}")
    _high_columns(code, words)


def _chain(
    code: Code, carry: str, terms: list[tuple[str, str]], first: str, others: str, begins: bool
) -> None:
    """Add or subtract words; `carry` is -1 for no carry and 0 for one, unless the chain begins."""
    if not terms:
        return
    if not begins:
        code(f"rsbs r3, {carry}, #0")
    for i, (word, term) in enumerate(terms):
        code(f"{others if i or not begins else first} {word}, {word}, {term}")
    code(f"sbc {carry}, {carry}, {carry}")


def _high_columns(code: Code, m: list[str]) -> None:
    low = _WORDS[:4]
    code("# columns 12 to 15", f"ldmia r0!, {{{', '.join(low)}}}")
    _chain(code, _THIRD_LESS, list(zip(low, (*m[9:12], "#0"), strict=True)), "", "sbcs", False)
    _chain(code, _FOURTH_LESS, list(zip(low, m[8:12], strict=True)), "", "sbcs", False)
    _chain(code, _BEFORE, list(zip(low, (m[11], *3 * ("#0",)), strict=True)), "", "adcs", False)
    for i, word in enumerate(low):
        code(f"ldr r3, [sp, #{4 * i}]", f"{'adcs' if i else 'adds'} {word}, {word}, r3")
    code("sbc r3, r3, r3", "add r12, r12, lr", "add r11, r11, r12", "add r3, r3, r11")
    code("adds r3, r3, #2", "# columns 16 to 23", "ldmia r0, {r6-r12, lr}", "adds r6, r6, r3")
    for word in _WORDS[5:]:
        code(f"adcs {word}, {word}, r3, asr #31")
    code("asr r3, r3, #31", "adc r0, r3, #0")
    for i, word in enumerate(_WORDS[4:], 4):
        code(f"ldr r3, [sp, #{4 * i}]", f"{'adds' if i == 4 else 'adcs'} {word}, {word}, r3")
    code("adc r0, r0, #0", f"add sp, #{_PRODUCT_BYTES}")


def _once(code: Code) -> None:
    code("# once: r0 and the words, below 2 p, less p unless they are below it", "once:")
    subtrahends = ("#1", "#-1", "#-1", "#0", "#1", *7 * ("#0",))
    for i, (word, subtrahend) in enumerate(zip(_WORDS, subtrahends, strict=True)):
        code(f"{'adcs' if i else 'adds'} r3, {word}, {subtrahend}")
    code("adc r0, r0, #0", "rsb r3, r0, #0")
    masked = ("r0", "r3", "r3", "#0", "r0", *7 * ("#0",))
    for i, (word, subtrahend) in enumerate(zip(_WORDS, masked, strict=True)):
        code(f"{'adcs' if i else 'adds'} {word}, {word}, {subtrahend}")
    code("ldr r0, [sp]", f"stmia r0, {_LIST}", "pop {r0, pc}")


def _combine(code: Code, first: str, others: str) -> None:
    """Take the words at r1 and add or subtract those at r2; the carry flag tells the rest."""
    code("push {r0, lr}", "mov r3, r2", f"ldmia r1, {_LIST}")
    for i, word in enumerate(_WORDS):
        code(f"ldr r0, [r3, #{4 * i}]", f"{others if i else first} {word}, {word}, r0")


def _sum(code: Code) -> None:
    code("# sum: [r0] = [r1] + [r2] modulo p", "sum:")
    _combine(code, "adds", "adcs")
    code("mov r0, #0", "adc r0, r0, #0", "b once")


def _difference(code: Code) -> None:
    code("# difference: [r0] = [r1] - [r2] modulo p", "difference:")
    _combine(code, "subs", "sbcs")
    code("sbc r3, r3, r3")
    _add_prime(code)
    code("ldr r0, [sp]", f"stmia r0, {_LIST}", "pop {r0, pc}")


def _add_prime(code: Code) -> None:
    """Add p under the mask r3; the carry flag is its last carry."""
    summands = ("r3", "#0", "#0", "r3", "r3, lsl #1", *7 * ("r3",))
    for i, (word, summand) in enumerate(zip(_WORDS, summands, strict=True)):
        code(f"{'adcs' if i else 'adds'} {word}, {word}, {summand}")


def _half(code: Code) -> None:
    code("# half: [r0] = [r1] / 2 modulo p", "half:", "push {r0, lr}", f"ldmia r1, {_LIST}")
    code("and r3, r1, #1", "rsb r3, r3, #0")
    _add_prime(code)
    for word in reversed(_WORDS):
        code(f"rrxs {word}, {word}")
    code("ldr r0, [sp]", f"stmia r0, {_LIST}", "pop {r0, pc}")
