"""Declared scenarios, one file per protocol version or topic; each offers `SCENARIOS`."""
