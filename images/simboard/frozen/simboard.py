"""The one module in this firmware, as stock firmware has a few of its makers'."""

MAKER = "nobody"
