"""What a handshake was about, for people: `story` in words, `page` byte by byte.

`facts` reads what the story needs from the wire, `reasons` has its sentences; `command` is
`hil explain`.
"""
