"""Healing boards on cables: what is done to one that does not boot, and what is remembered of it.

The ladder, from its gentlest rung: Ctrl-C, soft reset, hard reset (`hil.boot.wake`, which every
boot climbs), power cycle (`power`), reflash (`hil.flash`), and at last the mark `wedged` beside the
board's lease (`marks`). `ladder` climbs it; `healer` is what a run has, `command` is `hil heal`.

A marked board costs a run one handshake, which is short, and only one that works takes the mark
away (`health`). All this happens while the board is held, so that there is one healer at a time.
A run that is killed in the middle leaves nothing but the board as it is: the next one climbs the
ladder again, of which no rung supposes anything of the board.

What it does not do: tell why a board fell ill, or watch boards that nobody uses.
"""
