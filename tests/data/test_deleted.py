"""Rows that a table has deleted while its files still hold them."""

import numpy as np
import pyarrow as pa

from yarnml.data.base import File, Group
from yarnml.data.deleted import rows_left, stored_rows, without_deleted


def test_no_row_of_a_group_is_left() -> None:
    """A group whose rows are all deleted has none; of others the places are counted from its first row."""
    file = File("f", 1, "", (Group(2, 0, 1), Group(3, 1, 1), Group(1, 2, 1)))
    left = without_deleted(file, np.array([0, 1, 3]))
    assert [group.rows for group in left.groups] == [0, 2, 1]
    assert [stored_rows(group) for group in left.groups] == [2, 3, 1]
    assert rows_left(pa.table({"a": [5, 6, 7]}), left.groups[1]).column("a").to_pylist() == [5, 7]
    assert rows_left(pa.table({"a": [5, 6, 7]}).select([]), left.groups[1]).num_rows == 2
