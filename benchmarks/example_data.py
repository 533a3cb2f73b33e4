"""The data of the examples, made where nobody has made it yet."""

import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).parent.parent / "examples"


def data_of(example: str) -> Path:
    """The folder with the data of an example: train/ and test/."""
    folder = EXAMPLES / example / "data"
    if not (folder / "train").exists():
        subprocess.run([sys.executable, EXAMPLES / example / "make_data.py"], check=True)
    return folder
