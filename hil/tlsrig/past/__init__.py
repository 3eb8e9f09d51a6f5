"""Devices of the past: what they say on the wire, made from descriptions of them.

`devices` describes them, `wire_form` turns descriptions into bytes, `tls12` is the arithmetic of
the one that gets further than its first flight. The engine `hil.tlsrig.engines.past` plays them,
the peer `hil.tlsrig.peers.past` runs it.
"""
