"""The stored figures and what the documents make of them."""

import os

import click.testing
import pytest

from benchmarks import plot, record
from benchmarks.__main__ import cli, command
from benchmarks.measure import Column, report

NAMES = sorted(path.stem for path in record.RESULTS.glob("*.json"))


@pytest.mark.parametrize("name", NAMES)
def test_a_stored_result_tells_where_it_comes_from(name: str) -> None:
    """Each has its command, which is one that there is, its date and machine, and cells for its columns alone."""
    result = record.load(name)
    assert result.command.startswith("python -m benchmarks ")
    assert result.command.split()[3] in cli.commands
    assert result.date
    assert result.machine
    assert result.tables
    for table in result.tables:
        for cells in table.rows.values():
            assert 1 <= len(cells) <= len(table.columns)
            assert all(record.numbers(cell) for cell in cells)
    assert record.encoded(result) == (record.RESULTS / f"{name}.json").read_bytes()


def test_the_picture_and_the_tables_are_those_of_the_stored_results() -> None:
    """docs/figures.svg and docs/speed.md are what `python -m benchmarks plot` writes now."""
    assert plot.FIGURES.read_bytes() == plot.figures()
    assert plot.PAGE.read_text() == plot.with_tables(plot.PAGE.read_text())


def test_the_picture_shows_the_median_of_every_bar() -> None:
    """Each panel's numbers stand in docs/figures.svg."""
    picture = plot.FIGURES.read_text()
    for panel in plot.PANELS:
        rows = record.load(panel.result).tables[panel.table].rows
        for name, cells in rows.items():
            if not any(detail in name for detail in plot.DETAILS):
                assert f">{name}<" in picture
                assert f">{panel.scale * record.numbers(cells[panel.column])[0]:.3g}<" in picture


def _benchmark(best: float = 2.0) -> None:
    """A benchmark of two peers and two columns, in two rounds."""
    print("sample: two peers")
    columns = [Column("whole s", lambda seconds: seconds, compared=True), Column("ms", lambda seconds: 1e3 * seconds)]
    report({"limit": [1.0, 1.0], "yarnml, 2 workers": [best, 4.0]}, columns, "limit")
    print("  a remark behind it")


def test_what_is_printed_is_stored(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """`record` stores the table of the benchmark behind it, with its command, and prints it as before."""
    path = tmp_path_factory.mktemp("results") / "sample.json"
    arguments = ["record", "--to", str(path), "sample", "--best", "1.5"]
    monkeypatch.setattr("sys.argv", ["benchmarks", *arguments])
    monkeypatch.setitem(cli.commands, "sample", command("sample", _benchmark))
    cores = os.sched_getaffinity(0)
    try:
        answer = click.testing.CliRunner().invoke(cli, arguments)
    finally:
        os.sched_setaffinity(0, cores)  # benchmarks hold their process to few cores
    assert answer.exit_code == 0, answer.output
    result = record.msgspec.json.decode(path.read_bytes(), type=record.Result)
    assert result.command == "python -m benchmarks sample --best 1.5"
    assert result.tables == [
        record.Table(
            "sample: two peers",
            ["whole s", "limit/this", "ms"],
            {
                "limit": ["1", "1", "1e+03"],
                "yarnml, 2 workers": ["2.75 (1.5-4)", "0.458 (0.25-0.667)", "2.75e+03 (1.5e+03-4e+03)"],
            },
        )
    ]
    assert "\n".join(result.printed) in answer.output
