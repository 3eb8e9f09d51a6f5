"""Two reports side by side: what changed per board, and whether it is worse.

    figures    what a report says, as figures that have a place: a board's, or a cell's
    noise      how much two measurings of the same thing may differ
    gates      what counts as a regression: `--fail-on`
    judgement  pairs the figures of two reports and judges each pair
    text       shows the outcome: terminal table, Markdown, JSON
    page       shows it as one HTML page
    command    `hil compare`

A comparison is made of two report documents (`hil.document`) and touches no board.
"""

from hil.compare.figures import NotComparable
from hil.compare.gates import Gates
from hil.compare.judgement import Comparison, compare

__all__ = ["Comparison", "Gates", "NotComparable", "compare"]
