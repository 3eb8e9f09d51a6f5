"""X.509 certificates, read as they arrive and verified up to a trust anchor (RFC 5280)."""
