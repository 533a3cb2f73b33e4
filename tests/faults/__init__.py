"""Faults on purpose: real jobs whose processes are killed, stopped and slowed at moments that a seed decides.

`plan` turns a seed into faults, `acts` are the faults, `runs` is a job that suffers them, `figures` is their cost.
`wires` are bad connections and `sums` what has to come through them.
"""
