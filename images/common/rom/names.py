"""The interned strings (qstrs) that the firmware needs beside those of MicroPython itself.

Only those that are used get into the firmware's pool: what a module's body alone had a use for is
left out with it.
"""

from __future__ import annotations

from typing import Any

# The name upstream's py/qstr.c knows the pool by, without the end.
POOL = "mp_qstr_frozen_const"
PARTS = ("characters", "hashes", "lengths", "pool")


class Names:
    """Which strings are interned, their C names and hashes."""

    def __init__(self, tool: Any, qstr_header: str) -> None:
        """Read what MicroPython itself has.

        Args:
            tool: upstream's mpy-tool, as a module; its configuration is set.
            qstr_header: path of genhdr/qstrdefs.preprocessed.h.
        """
        self._util = tool.qstrutil
        facts, extra = self._util.parse_input_headers([qstr_header])
        self._in_firmware = set(self._util.static_qstr_list_ident) | set(extra)
        self._hash_bytes = int(facts["BYTES_IN_HASH"])
        self._interned_below = tool.PERSISTENT_STR_INTERN_THRESHOLD
        self._used: dict[str, str] = {}

    def is_interned(self, text: str) -> bool:
        """Whether a string value is an interned one: short ones are, as when frozen otherwise."""
        return len(text) < self._interned_below or text in self._used

    def use(self, text: str) -> str:
        """Return the C name of an interned string, and have it in the pool."""
        if text not in self._used:
            self._used[text] = str(self._util.qstr_escape(text))
        return "MP_QSTR_" + self._used[text]

    def hash_of(self, text: str | bytes) -> int:
        """Return the hash MicroPython has for a string or bytes object."""
        octets = text.encode() if isinstance(text, str) else text
        value: int = self._util.compute_hash(octets, self._hash_bytes)
        return value

    def pool(self) -> str:
        """Return the C text of the pool; all its symbols begin with `POOL`."""
        new = sorted(text for text, name in self._used.items() if name not in self._in_firmware)
        octets = {text: text.encode() for text in new}
        lines = ["enum {"]
        for i, text in enumerate(new):
            start = " = MP_QSTRnumber_of" if i == 0 else ""
            lines.append(f"    MP_QSTR_{self._used[text]}{start},")
        lines.append("};")
        if self._hash_bytes:
            hashes = ", ".join(str(self.hash_of(text)) for text in new)
            lines.append(f"const qstr_hash_t {POOL}_hashes[] = {{ {hashes} }};")
        lengths = ", ".join(str(len(octets[text])) for text in new)
        lines += [
            f"const qstr_len_t {POOL}_lengths[] = {{ {lengths} }};",
            "extern const qstr_pool_t mp_qstr_const_pool;",
            # In one array, so that the space can be seen to belong to the names.
            f"static const char {POOL}_characters[] = {{",
            *(f'    "{self._util.escape_bytes(text, octets[text])}\\0"' for text in new),
            "};",
            f"const qstr_pool_t {POOL}_pool = {{",
            "    &mp_qstr_const_pool,",
            "    MP_QSTRnumber_of,",
            "    true, // sorted",
            # The first pool in RAM is twice this size; at most the number of entries (py/qstr.c).
            # Few names come to be at run time.
            f"    {min(len(new), 2)},",
            f"    {len(new)},",
        ]
        if self._hash_bytes:
            lines.append(f"    (qstr_hash_t *){POOL}_hashes,")
        lines += [f"    (qstr_len_t *){POOL}_lengths,", "    {"]
        at = 0
        for text in new:
            lines.append(f"        {POOL}_characters + {at},")
            at += len(octets[text]) + 1
        return "\n".join([*lines, "    },", "};"])
