"""CSV files: lines, types, and text that is no CSV."""

from pathlib import Path

import pytest

from tests.data.tables import Columns, plan, read, write_csv
from yarnml.data.formats import lines
from yarnml.errors import DataError, JobFileError


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("last", ["", "end"])
@pytest.mark.parametrize("group", [7, 16, 10_000])
def test_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str, last: str, group: int) -> None:
    """Rows do not depend on line endings, a missing last one, empty lines, or how the file is cut into groups."""
    monkeypatch.setattr(lines, "GROUP_BYTES", group)
    texts = ["x,y", *(f"{i},{i / 2}" for i in range(50))]
    texts.insert(20, "")
    path = tmp_path / "rows.csv"
    path.write_bytes((ending.join(texts) + (ending if last else "")).encode())
    data = plan(str(path))
    assert data.datasets["train"].rows == 50
    assert read(data, 3).x[:, 0].tolist() == list(range(50))
    assert read(data, 3).y.tolist() == [i / 2 for i in range(50)]


def test_types_hold_for_all_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights and numbers that look whole at first may have fractions later."""
    monkeypatch.setattr(lines, "GROUP_BYTES", 32)
    columns: Columns = {n: [1] * 20 + [0.5] * 20 for n in "xyw"}
    rows = read(plan(write_csv(f"{tmp_path}/rows.csv", columns), weight="w", label_type="number"))
    assert rows.x[:, 0].tolist() == rows.y.tolist() == rows.weight.tolist() == columns["x"]


def test_line_breaks_in_quotes(tmp_path: Path) -> None:
    """A line break inside quotes is refused with a way out, where the job does not say that there are any."""
    path = write_csv(f"{tmp_path}/rows.csv", {"x": [1, 2, 3], "y": ["a", "b\nc", "d"]})
    with pytest.raises(DataError, match=r"data\.csv\.multiline: true|not readable CSV"):
        read(plan(path))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x,y\n1,2\n3\n", "not readable CSV: .*Expected 2 columns, got 1"),
        ("\n", "is empty: a CSV file needs a header line"),
        ("x,y\n", "holds no rows"),
        ("x,y", "holds no rows"),
        ("x,y\n\n\n", "holds no rows"),
    ],
)
def test_broken_csv(tmp_path: Path, text: str, words: str) -> None:
    """CSV that is short of columns, of rows or of everything is named."""
    path = tmp_path / "rows.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=rf"rows\.csv.* {words}"):
        plan(str(path))


def test_not_utf8(tmp_path: Path) -> None:
    """Text that is not UTF-8 is refused."""
    path = tmp_path / "rows.csv"
    path.write_bytes(b"x,y\n1,\xe4\n2,\xf6\n")
    with pytest.raises(JobFileError, match=r"column 'y' holds binary"):
        plan(str(path))
    path.write_bytes(b"x,\xe4\n1,2\n")
    with pytest.raises(DataError, match=r"rows\.csv is not UTF-8 text"):
        plan(str(path))


@pytest.mark.parametrize("header", ["x\ry,y", "x" * 200_000 + ",y"])
def test_a_header_that_can_t_be_told(header: str, tmp_path: Path) -> None:
    """A carriage return in it, or a name without end, is an error of the file like others."""
    (tmp_path / "rows.csv").write_text(f"{header}\n1,2\n1\n")
    with pytest.raises(DataError, match=r"rows\.csv .*is not readable CSV"):
        plan(str(tmp_path / "rows.csv"))
