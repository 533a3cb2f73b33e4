"""The packages that the GPU's machine lacks, as wheels: ``python -m benchmarks.gpu.wheels FOLDER`` where pip works.

That machine has Python 3.12 with JAX for CUDA, optax, numpy, pyarrow, scikit-learn and what these need.  The folder
then travels with the checkout, and `benchmarks.gpu.launch` installs from it.
"""

import subprocess
import sys
from pathlib import Path

PYTHON = "3.12"
PLATFORMS = ("manylinux_2_34_x86_64", "manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")
PACKAGES = ("msgspec", "cryptography", "cffi", "pycparser", "cloudpickle")
"""Everything that a job of local processes imports and that no package above brings."""


def download(folder: Path) -> None:
    """Fill the folder with one wheel of each package."""
    platforms = [word for platform in PLATFORMS for word in ("--platform", platform)]
    target = ["--python-version", PYTHON, "--implementation", "cp", *platforms]
    line = ["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", *target, "--dest", str(folder)]
    subprocess.run([sys.executable, *line, *PACKAGES], check=True)


if __name__ == "__main__":
    download(Path(sys.argv[1]))
