"""TLS 1.2 (RFC 5246) for both roles, beside TLS 1.3 and with the same interface.

`config.ClientConfig` and `client.ClientConnection`, `server_config.ServerConfig` and
`server.ServerConnection` stand for those of the package above: a connection made of them offers or
takes the versions of its configuration and is one of TLS 1.3 as soon as that is chosen. An image
that speaks nothing but TLS 1.3 leaves this package out; nothing above it imports it.

What is here keeps to the part of TLS 1.2 that is as good as TLS 1.3: ephemeral key exchange or
pre-shared keys, authenticated ciphers, the extended master secret, no renegotiation, no
compression, no SHA-1. There is no CBC, no RC4 and no RSA key exchange anywhere.
"""
