"""The farm: boots boards, pairs each with a reference peer, measures, reports and compares.

Read the package in the order the data takes: target, image, boot, console/agent, link, peer,
measure, report. Nothing in here outside `hil.tlsrig` knows what TLS is.
"""

__version__ = "0.1.0"
