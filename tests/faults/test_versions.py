"""A process of another yarnml is refused before it takes part."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT
from tests.faults.runs import DEADLINE, watched
from yarnml import __version__


@pytest.mark.long
@pytest.mark.timeout(DEADLINE)
def test_another_version_is_refused_by_name(write: Callable[[Path], Path], tmp_path: Path) -> None:
    """Processes whose yarnml is another than the master's end the job; the sentence names one, and both versions."""
    other = tmp_path / "other"
    shutil.copytree(ROOT / "yarnml", other / "yarnml", ignore=shutil.ignore_patterns("__pycache__"))
    init = other / "yarnml" / "__init__.py"
    init.write_text(init.read_text().replace(__version__, "9.8.7"))
    path = write(tmp_path)
    job = yaml.safe_load(path.read_text()) | {"environment": {"variables": {"PYTHONPATH": str(other)}}}
    path.write_text(yaml.safe_dump(job))
    with watched(path, "--set", "reducers.count=1") as run:
        assert run.end() != 0
        named = rf"environment: (worker|reducer) \d runs yarnml 9\.8\.7, the master {re.escape(__version__)}"
        assert re.search(named, run.output), run.output
    assert not list(tmp_path.glob("models/*"))
