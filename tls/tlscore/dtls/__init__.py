"""DTLS 1.2 (RFC 6347) for both roles: the handshake of ../tls12 over datagrams that get lost.

Messages, suites, key schedule, states and handlers are those of TLS 1.2. What is here is what a
datagram needs beside them: records that say their number (record.py), messages in fragments
(fragments.py, outbox.py), flights that are sent again (outbox.py, timers.py), cookies (cookie.py),
and sessions by the address of their peer (listener.py).

    connection.receive_datagram(buffer, size)   a datagram from the peer; decrypted in place
    connection.read()                           application data in it, until there is none
    connection.datagram_into(buffer)            the next datagram for the peer; 0: none now
    connection.write_into(data, buffer)         a datagram with application data
    connection.next_timeout()                   milliseconds until handle_timeout() wants a call

An image that speaks no DTLS leaves this package out; nothing above it imports it.
"""
