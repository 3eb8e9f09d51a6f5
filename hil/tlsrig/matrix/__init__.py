"""The compatibility matrix: versions, suites, certificates and buffer sizes against every peer.

Theory of operation. `product` says which combinations there are and which of them are run;
`derive` makes a scenario of each, with what must come of it according to what the peer declares
to be able to do (`hil.tlsrig.abilities`) and what the board's image has; `room` refuses a buffer
that a board has no RAM for, when it is set; `bench` runs the cells, which are the farm's ordinary
ones (`hil.tlsrig.cell`); `command` is `hil matrix`, `table` what it prints.

A combination that one of the two ends cannot do is run all the same, with that end told the nearest
it can do: then the other end has to refuse, and the cell passes only if it says the right alert.
"""
