"""Faults on purpose: real jobs whose processes are killed, stopped and slowed at moments that a seed decides.

`plan` is what a seed means, `acts` are the faults, `runs` is a job that suffers them, `figures` is what that cost.
"""
