"""What the kernels of records have in common: header and nonce of TLS 1.3 (RFC 8446 §5.2, §5.3)."""

from __future__ import annotations

from thumb.assembler import Code


def count(
    code: Code, counted: int, iv: int, nonce_end: int, aad: int, start: int, size: int, tasks: int
) -> None:
    """Make the nonce of the next record, and additional data of its header.

    The context is in r0 and stays there.

    Args:
        counted, iv, nonce_end, aad: places in the context: the byte that says whether to do this,
            the last four bytes of the IV with the number behind, those of the nonce, and the
            additional data.
        start, size, tasks: slots of the stack.
    """
    code("# records are counted: nonce and header", f"ldrb r4, [r0, #{counted}]", "cmp r4, #0")
    code("beq uncounted", f"ldrd r4, r5, [r0, #{iv}]", "rev r6, r5", "eors r4, r6")
    code(f"str r4, [r0, #{nonce_end}]", "adds r5, r5, #1", f"str r5, [r0, #{iv + 4}]")
    code(f"ldr r1, [sp, #{start}]", "subs r1, #5", f"ldr r4, [sp, #{tasks}]", "tst r4, #16")
    code("beq header", f"ldr r3, [sp, #{size}]", "adds r3, #16", "movs r4, #23", "strb r4, [r1]")
    code("movs r4, #3", "strb r4, [r1, #1]", "strb r4, [r1, #2]", "lsrs r4, r3, #8")
    code("strb r4, [r1, #3]", "strb r3, [r1, #4]")
    code("header:", "ldr r4, [r1]", f"str r4, [r0, #{aad}]", "ldrb r4, [r1, #4]")
    code(f"strb r4, [r0, #{aad + 4}]", "uncounted:")
