"""DTLS 1.3 (RFC 9147) for both roles: the handshake of ../client.py and ../server.py on datagrams.

Messages, states, handlers and the key schedule are those of TLS 1.3; fragments, timers and the
slots of a server are those of ../dtls. What is here is what RFC 9147 has of its own: records that
hide their numbers (record.py), labels (suites.py), hellos (hello.py), flights of which the peer
says what it has (outbox.py, reassembly.py), key updates that wait for that, and cookies in a
HelloRetryRequest for which a server keeps nothing (cookie.py, listener.py).

The caller's side is that of ../dtls: receive_datagram, read, datagram_into, write_into and
next_timeout.

An image that speaks no DTLS 1.3 leaves this package out; nothing above it imports it.
"""
