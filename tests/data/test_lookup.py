"""Values among known ones: one place for each, whatever the types of both."""

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from yarnml.data.lookup import as_whole_numbers, places


@given(
    known=st.lists(st.integers(-200, 200), min_size=1, unique=True),
    asked=st.lists(st.integers(-200, 200), min_size=1),
    kind=st.sampled_from([pa.int16(), pa.int64(), pa.float64(), pa.string(), pa.large_string()]),
    as_text=st.booleans(),
)
def test_places(known: list[int], asked: list[int], kind: pa.DataType, as_text: bool) -> None:
    """A whole number has one place, in whichever types it is known and asked for."""
    column = pa.array(asked).cast(kind)
    if pa.types.is_floating(kind):
        column = column.cast(pa.int64())
    names = [str(value) for value in known] if as_text else known
    assert places(column, names).to_pylist() == [known.index(v) if v in known else None for v in asked]


@given(st.lists(st.from_regex(r"-?[0-9]{1,4}(\.0)?|[a-z]", fullmatch=True), unique=True))
def test_no_two_texts_become_one_number(texts: list[str]) -> None:
    """Texts become numbers all together or not at all, and different ones stay different."""
    values = as_whole_numbers(texts)
    assert len(set(values)) == len(texts)
    assert len({type(value) for value in values}) <= 1
