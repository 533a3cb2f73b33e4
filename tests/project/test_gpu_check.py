"""The check for a machine with a GPU: what of it needs none."""

import gzip
import json
from pathlib import Path

import pytest

from benchmarks.gpu import check, launch
from benchmarks.gpu.trace import copies_per_step


def test_copies_are_counted(tmp_path: Path) -> None:
    """Copies of a trace by direction, for each step that was traced: fifty at most."""
    events = [{"name": f"MemcpyH2D {n}"} for n in range(100)] + [{"name": "MemcpyD2H"}, {"name": "fusion"}, {}]
    path = tmp_path / "a.trace.json.gz"
    path.write_bytes(gzip.compress(json.dumps({"traceEvents": events}).encode()))
    assert copies_per_step(path, 1000) == {"MemcpyH2D": 2.0, "MemcpyD2H": 0.02, "MemcpyD2D": 0.0}
    assert copies_per_step(path, 10)["MemcpyH2D"] == 10.0


def test_missing_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Without wheels for what is missing, the command says where they come from."""
    monkeypatch.setattr(launch, "NEEDED", ("no_such_package",))
    assert launch.main(str(tmp_path / "result.json"), str(tmp_path)) == 1
    assert "no_such_package is not installed" in capsys.readouterr().err
    assert not (tmp_path / "result.json").exists()


@pytest.mark.faults
def test_all_parts_in_small(tmp_path: Path) -> None:
    """Every part runs without a GPU: only what is measured there needs one."""
    assert check.main(str(tmp_path / "result.json"), "--cpu") == 0
    result = json.loads((tmp_path / "result.json").read_text())
    assert list(result) == ["machine", "digits", "same_bits", "copies", "large", "transformer", "export"]
    assert result["same_bits"]["same"]
    assert result["digits"]["mlp"] > 0.8
    assert result["export"] | {"seconds": 0} == {"rows": 359, "largest difference": 0.0, "seconds": 0}
