"""The libraries that commands load before they do anything."""

import subprocess
import sys

HEAVY = ("numpy", "pyarrow", "pandas", "fsspec", "cryptography", "jax", "yarnml.runner", "yarnml.job.load")


def test_the_list_of_commands_loads_no_library_of_theirs() -> None:
    """`yarnml --help` and `--version` know all commands and their options before what these need is loaded."""
    code = f"import sys, yarnml.cli.commands; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout == "[]\n"
