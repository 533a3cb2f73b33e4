"""Iceberg tables, written by the package pyiceberg: the rows of each snapshot, by a catalog or by the metadata."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyiceberg.catalog import Catalog, load_catalog
from pyiceberg.manifest import DataFileContent
from pyiceberg.table import Table
from pyiceberg.transforms import IdentityTransform

import yarnml
from tests.data.iceberg_writer import WriterIO, with_deletes
from tests.data.tables import plan, read
from yarnml import storage
from yarnml.data.snapshots.iceberg import columns_of_table, has_renamed
from yarnml.errors import CheckpointError, DataError, JobFileError
from yarnml.job.load import load_job
from yarnml.master.preflight import overview

pytestmark = pytest.mark.long

ROWS = pa.table(
    {
        "x": [1.0, 2.0, 3.0, 4.0],
        "y": [0.5, 1.5, 0.5, 1.5],
        "country": ["DE", "a/b= c%", "DE", None],
        "day": [date(2026, 1, 1), date(2026, 1, 2), date(2026, 1, 1), date(2026, 1, 2)],
    }
)
MORE = ROWS.set_column(0, "x", pa.array([5.0, 6.0, 7.0, 8.0]))


@pytest.fixture
def catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Catalog:
    """A catalog in SQLite, which pyiceberg's settings know by the name ``lake``."""
    settings = {"type": "sql", "uri": f"sqlite:///{tmp_path}/catalog.db", "warehouse": f"file://{tmp_path}/lake"}
    for name, value in settings.items():
        monkeypatch.setenv(f"PYICEBERG_CATALOG__LAKE__{name.upper()}", value)
    opened = load_catalog("lake", **settings)
    opened.create_namespace("shop")
    return opened


@pytest.fixture
def table(catalog: Catalog) -> Table:
    """A table of three snapshots: four rows by country and day, as many more, and then without the rows of one day."""
    made = catalog.create_table("shop.orders", ROWS.schema)
    with made.update_spec() as spec:
        spec.add_field("country", IdentityTransform())
        spec.add_field("day", IdentityTransform())
    made.append(ROWS)
    made.append(MORE)
    made.delete("day = '2026-01-02'")
    return made


@pytest.mark.parametrize("place", ["catalog", "metadata", "folder"])
def test_snapshots(place: str, table: Table) -> None:
    """A snapshot has the rows that pyiceberg reads of it, by a catalog, by its metadata, or by a folder with a hint."""
    folder = Path(table.location().removeprefix("file://"))
    (folder / "metadata/version-hint.text").write_text(Path(table.metadata_location).name)
    train = {"catalog": "iceberg://lake/shop.orders", "metadata": table.metadata_location, "folder": str(folder)}[place]
    for version in [None, *(entry.snapshot_id for entry in table.history())]:
        expected = table.scan(snapshot_id=version).to_arrow()
        data = plan(train, version=version)
        assert data.datasets["train"].snapshot == version or table.history()[-1].snapshot_id
        assert sorted(read(data).x[:, 0].tolist()) == sorted(expected["x"].to_pylist())
    where = plan(train, version=table.history()[1].snapshot_id, where="country = 'a/b= c%' and day = '2026-01-02'")
    assert sorted(read(where).x[:, 0].tolist()) == [2.0, 6.0]
    assert where.datasets["train"].rows == 2


def test_names_and_times(table: Table) -> None:
    """A version is a snapshot's number, a branch or a tag, or a time of which it is the newest."""
    first, second, third = table.history()
    table.manage_snapshots().create_tag(first.snapshot_id, "audit").commit()
    moments = {entry: datetime.fromtimestamp(entry.timestamp_ms / 1000, UTC).isoformat() for entry in (first, third)}
    asked = {"audit": first, "main": third, moments[third]: third, "2999-01-01": third}
    for version, entry in asked.items():
        assert plan("iceberg://lake/shop.orders", version=version).datasets["train"].snapshot == entry.snapshot_id
    assert second.snapshot_id not in (first.snapshot_id, third.snapshot_id)


def test_other_storage(tmp_path: Path) -> None:
    """Metadata and files are read by yarnml's own ways, wherever these lead."""
    settings = {"type": "sql", "uri": f"sqlite:///{tmp_path}/catalog.db", "warehouse": f"memory:/{tmp_path}"}
    opened = load_catalog("lake", **settings, **{"py-io-impl": f"{WriterIO.__module__}.WriterIO"})
    opened.create_namespace("shop")
    orders = opened.create_table("shop.orders", ROWS.schema)
    orders.append(ROWS)
    storage.write(f"{orders.location()}/metadata/version-hint.text", Path(orders.metadata_location).name.encode())
    for train in (orders.location(), orders.metadata_location):
        assert sorted(read(plan(train)).x[:, 0].tolist()) == ROWS["x"].to_pylist()


def test_columns_that_came_and_went(table: Table) -> None:
    """Columns are found by their ids: renamed, with the name of one that was dropped, in features and conditions."""
    before = read(plan("iceberg://lake/shop.orders"))
    with table.update_schema() as change:
        change.delete_column("y")
        change.rename_column("country", "land")
    with table.update_schema() as change:
        change.rename_column("x", "y")
    data = plan("iceberg://lake/shop.orders", features=["y"], where="y > 3 and land = 'DE'", label="land")
    assert read(data).x.tolist() == [x for x in before.x.tolist() if x[0] > 3]
    assert data.datasets["train"].files[0].names == (("y", "x"), ("land", "country"))
    with pytest.raises(JobFileError, match=r"has no column 'x'; it has"):
        plan("iceberg://lake/shop.orders", label="land")
    assert has_renamed(table.refresh().schemas().values(), table.schema())


def test_parts_of_structs_that_were_renamed() -> None:
    """A part of a struct is refused where a file has it by another name; all else is found by its id."""
    part = pa.field("zip", pa.string(), metadata={"PARQUET:field_id": "2"})
    stored = pa.schema(
        [pa.field("home", pa.struct([part]), metadata={"PARQUET:field_id": "1"}), pa.field("n", pa.int64())]
    )
    assert columns_of_table(stored, {1: "place", 2: "place.zip", 3: "n"}, "f")[1] == (("place", "home"),)
    with pytest.raises(
        DataError, match=r"f has a part of a struct 'home\.zip' which the Iceberg table calls 'home\.code'"
    ):
        columns_of_table(stored, {1: "home", 2: "home.code", 3: "n"}, "f")


@pytest.mark.parametrize("format", ["PARQUET", "ORC", "PUFFIN"])
def test_deleted_rows(format: str, table: Table) -> None:
    """Rows that files of deletes or deletion vectors name are none of the table's, nor of a condition's."""
    plain = plan("iceberg://lake/shop.orders")
    with_deletes(table, format, [0])
    data = plan("iceberg://lake/shop.orders")
    file = data.datasets["train"].files[0]
    assert data.datasets["train"].rows == plain.datasets["train"].rows - 1
    assert file.groups[0].deleted == b"\0\0\0\0"
    assert data.datasets["train"].fingerprint != plain.datasets["train"].fingerprint
    assert read(data).x.tolist() == read(plain).x[1:].tolist()
    first = read(plain).x[1, 0]
    assert read(plan("iceberg://lake/shop.orders", where=f"x <> {first}")).x.tolist() == read(plain).x[2:].tolist()


def without_files(table: Table) -> None:
    for path in Path(table.location().removeprefix("file://")).glob("data/**/*.parquet"):
        path.unlink()


def with_equality_deletes(table: Table) -> None:
    with_deletes(table, "PARQUET", [0], DataFileContent.EQUALITY_DELETES)


def without_rows(table: Table) -> None:
    table.delete("x > 0")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (with_equality_deletes, "snapshot .* of the Iceberg table .* has rows that were deleted by their values"),
        (without_files, "of the Iceberg table .* needs .*parquet, which is gone; expire_snapshots removes files"),
        (without_rows, "snapshot .* of the Iceberg table .* has no rows"),
    ],
)
def test_tables_that_are_refused(change: Callable[[Table], None], words: str, table: Table) -> None:
    """A table whose files are not its rows is refused in a sentence."""
    change(table)
    with pytest.raises(DataError, match=words):
        plan("iceberg://lake/shop.orders")


@pytest.mark.parametrize(
    ("path", "fields", "words"),
    [
        ("iceberg://lake/shop.orders", {"version": 9}, "has no version 9; its newest ones are"),
        ("iceberg://lake/shop.orders", {"version": "2001-01-01"}, "has no version 2001-01-01; its newest ones are"),
        (
            "iceberg://lake/shop.orders",
            {"version": "gold"},
            "must be the number of a snapshot, a branch, a tag, or a",
        ),
        ("iceberg://lake/shop.orders", {"format": "csv"}, "is a table of Iceberg, whose files are parquet; remove"),
        ("iceberg://lake", {}, "must be iceberg://CATALOG/NAMESPACE.TABLE"),
        ("{}", {}, "is an Iceberg table without a metadata/version-hint.text, so only its catalog knows its newest"),
        (
            "{}/data/country=DE",
            {},
            "is a part of the Iceberg table .*/orders, whose folders hold rows of other",
        ),
        ("{}/data", {}, "is a part of the Iceberg table"),
        (["{}", "{}"], {}, "is in a table of Iceberg, which must be given alone"),
    ],
)
def test_job_files_that_are_refused(path: Any, fields: Any, words: str, table: Table) -> None:
    """A version that is not there, and a path past the metadata, are named."""
    folder = table.location().removeprefix("file://")
    train = [part.format(folder) for part in path] if isinstance(path, list) else path.format(folder)
    with pytest.raises(JobFileError, match=words):
        plan(train, **fields)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("iceberg://lake/shop.gone", "can't be read: Table does not exist: shop.gone"),
        ("iceberg://pond/shop.orders", "can't be read: .*URI missing, please provide using --uri, the config"),
    ],
)
def test_catalogs_that_do_not_know(url: str, words: str, table: Table) -> None:
    """A table that the catalog does not have, and a catalog without settings, are said in a sentence."""
    assert table
    with pytest.raises(DataError, match=words):
        plan(url)


@pytest.mark.long
def test_a_job_goes_on_with_its_snapshot(table: Table, tmp_path: Path) -> None:
    """Rows that come later are for a job that begins anew; the snapshot is in checkpoint, lineage and plan."""

    def job(name: str, epochs: int, **data: Any) -> dict[str, Any]:
        return {
            "name": "orders",
            "data": {"train": "iceberg://lake/shop.orders", "features": ["x"], "label": "y", **data},
            "learner": {"kind": "linear", "optimizer": {"kind": "sgd", "learning_rate": 0.01}},
            "training": {"epochs": epochs, "shards": 2},
            "checkpoint": {"path": f"{tmp_path}/{name}"},
            "export": f"{tmp_path}/{name}-models",
        }

    first = table.history()[-1].snapshot_id
    yarnml.run(job("stopped", 1), "inline")
    table.append(MORE)
    assert overview(load_job(job("stopped", 2))).datasets[0].format == f"Iceberg, version {first}"
    exports = [
        yarnml.run(job("stopped", 2), "local").export,
        yarnml.run(job("whole", 2, version=first), "inline").export,
    ]
    models = [Path(str(export), "model.safetensors").read_bytes() for export in exports]
    assert models[0] == models[1]
    assert yarnml.load_model(exports[0]).about["data"]["train"]["version"] == first
    with pytest.raises(CheckpointError, match=r"the version of data\.train"):
        overview(load_job(job("stopped", 3, version=table.history()[0].snapshot_id)))
