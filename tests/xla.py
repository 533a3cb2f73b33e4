"""Quick compiling of all programs of tests, wherever they run, since bits of one are compared with those of another.

They run for milliseconds, and XLA would compile them for seconds.  `tests/faults/` and one example of each kind
compile programs with all optimizations, as users do.
"""

import os

QUICK = {"XLA_FLAGS": "--xla_cpu_use_fusion_emitters=false", "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}
"""Variables of a process, to be set before it imports JAX."""


def as_users() -> dict[str, str]:
    """The variables of this process without those of `QUICK`."""
    return {name: value for name, value in os.environ.items() if name not in QUICK}
