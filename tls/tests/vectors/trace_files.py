"""Reads the `.traces` files of this folder: recorded handshakes, a section each (README.md)."""

from pathlib import Path

HERE = Path(__file__).parent


def read(name):
    """Return {trace: {field: octets}} of the file of that name.

    Raises:
        ValueError: a value is not hexadecimal.
    """
    traces = {}
    for line in (HERE / name).read_text("ascii").splitlines():
        if line.startswith("["):
            fields = traces.setdefault(line.strip("[]"), {})
        elif line and not line.startswith("#"):
            field, _, octets = line.partition(" = ")
            fields[field] = bytes.fromhex(octets)
    return traces
