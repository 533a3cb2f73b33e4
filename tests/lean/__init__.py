"""A folder that comes first on the path of processes that tests start: it hides packages that would only cost time."""

import sys
from pathlib import Path

PATH = str(Path(__file__).parent)

VARIABLES = {"SETUPTOOLS_USE_DISTUTILS": "stdlib"} if sys.version_info < (3, 12) else {}
"""Where Python has a distutils, which Skein imports, the one of setuptools would load all of that."""
