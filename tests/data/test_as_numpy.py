"""Arrow's numbers as NumPy's, without a copy and without pandas."""

import subprocess
import sys
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tests import lean
from yarnml.data.arrays import as_numpy, one_array

KINDS = [pa.int8(), pa.uint16(), pa.int64(), pa.float32(), pa.float64(), pa.bool_()]


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("values", [[], [1, 0, 1, 1], [1, None, 0]], ids=["none", "whole", "nulls"])
def test_as_numpy_is_to_numpy(kind: pa.DataType, values: list[Any]) -> None:
    """Arrow's way has the same values and the same type, for a part of an array, too; nulls are NaN."""
    array = pa.array(values, pa.int64()).cast(kind)
    for part in (array, array[1:]):
        expected = part.to_numpy(zero_copy_only=False)
        unpacked = as_numpy(part)
        assert unpacked.dtype == expected.dtype
        assert np.array_equal(unpacked.astype(np.float64), expected.astype(np.float64), equal_nan=True)


@pytest.mark.parametrize("kind", [pa.list_view(pa.int32()), pa.large_list_view(pa.int32())], ids=str)
def test_lists_that_lie_anywhere(kind: pa.DataType) -> None:
    """Views of lists become lists with the same values, wherever these begin, also beside nulls and empty ones."""
    array = pa.array([[1, 2], None, [], [3], [4, 5, 6]], kind)
    turned = pa.array([[4, 5, 6], [1, 2]], kind).take(pa.array([1, 0, 1]))
    for part in (array, array[1:], array[2:4], turned):
        assert one_array(pa.chunked_array([part])).to_pylist() == part.to_pylist()


def test_numbers_load_no_pandas() -> None:
    """A column of numbers becomes an array of NumPy's, and labels their places, in a process that has pandas."""
    code = """if True:
        import sys, numpy, pyarrow
        sys.path = [folder for folder in sys.path if folder != LEAN]
        from yarnml.data.arrays import float32
        from yarnml.data.lookup import places
        column = pyarrow.Array.from_buffers(pyarrow.int64(), 3, [None, pyarrow.py_buffer(numpy.arange(3))])
        assert float32(column, "x", "here").tolist() == [0, 1, 2]
        assert places(column, (2, 1)).null_count == 1
        print("pandas" in sys.modules)
    """.replace("LEAN", repr(lean.PATH))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout == "False\n"
