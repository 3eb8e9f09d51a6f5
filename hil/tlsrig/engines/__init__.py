"""Engines: TLS libraries made into programs that a peer module starts, one process for each cell.

A library crashes or hangs in a process of its own, which the farm supervises like any other peer
program. Engines in Python are modules here, started with `-m`; engines in C are in `native/` and
built by `hil.tlsrig.engine_build`; those in JavaScript are in `script/`, and what they cannot say
themselves `hil.tlsrig.script_peer` reads in their logs. All take `name=value` arguments and say one
line for each thing that happens; `hil.tlsrig.engine_peer` is the host's half.

Arguments: `role` (server, client), `port` (a client's), `connections`, `versions`, `suites`,
`groups`, `signatures` (comma lists of code points in hexadecimal), `alpn` (comma list), `chain`,
`key`, `root` (PEM files: what it shows, what it demands of the other end), `server_name`,
`utc_seconds`, `psk`, `psk_identity`, `psk_with_dhe`, `psk_hash`, `extended_master_secret` (0: do
without), `tickets` (0: remember sessions by their ids), `fallback` (1: say that a newer version has
failed), `max_record_bytes` (no record it sends is larger), `answer_bytes` (it sends
nothing back before so many bytes have come, and then all of them at once), `datagram_bytes` (no
datagram it sends is larger, if one of `versions` is of DTLS), `exporter_label`,
`key_log`, `wire_log` (files it appends to).

What they say on standard output:

    listening port=N                    a server, once
    connected version= suite= exporter= in hexadecimal; `group`, `resumed` where the library tells
    data bytes=HEX                      what it received; it has sent the same back by itself
    ended alert_sent= alert_received= close_sent= close_received= reason=     -1 is no alert

`wire_log` gets a line `> HEX` or `< HEX` for all that is sent and received, `key_log` the secrets
in the format of SSLKEYLOGFILE. On standard input they take `bye` (close the connection) and, as a
client, `next` (make the next connection, resuming this one).
"""
