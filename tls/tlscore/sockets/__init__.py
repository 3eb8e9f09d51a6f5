"""Sockets over tlscore: what moves the bytes that the core does not move itself.

Transports are handed in, and nothing here opens one: no module imports `socket`, `ssl` or
`asyncio`. The manual is docs/sockets.md.
"""
