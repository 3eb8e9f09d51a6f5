"""What the bytes of a TLS connection mean, read independently of the core that spoke them.

`grammar` is how fields are declared, `messages`, `extensions` and `certificate` are the fields of
TLS and X.509, `exchange` opens a captured connection with its key log, `schedule` and `proofs`
recompute its keys and what they prove.
"""
