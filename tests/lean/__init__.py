"""A folder that comes first on the path of processes that tests start: it hides packages that would only cost time."""

from pathlib import Path

PATH = str(Path(__file__).parent)
