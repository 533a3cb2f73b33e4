"""A flag of XLA for all programs of tests, wherever they run, since bits of one are compared with those of another.

XLA's emitters of fusions take more than half of the time in which it compiles a small program.  `tests/faults/` and the
examples do without the flag: there programs are compiled as users have them.
"""

import os

VARIABLE = "XLA_FLAGS"
QUICK = "--xla_cpu_use_fusion_emitters=false"


def as_users() -> dict[str, str]:
    """The variables of this process without the flag."""
    return {name: value for name, value in os.environ.items() if name != VARIABLE}
