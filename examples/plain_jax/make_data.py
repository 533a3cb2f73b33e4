"""Write scikit-learn's wine data (178 wines, 13 measurements, 3 growers) as Parquet, a quarter of it to test on.

python make_data.py [FOLDER]        default: data/ beside this file
"""

import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from sklearn.datasets import load_wine


def main(folder: Path) -> None:
    wine = load_wine()
    order = np.random.default_rng(0).permutation(len(wine.data))
    columns = {"measurements": list(wine.data[order]), "grower": np.array(["A", "B", "C"])[wine.target[order]]}
    table = pa.table(columns)
    test = len(order) // 4
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(table.slice(0, test), folder / "test.parquet", write_page_checksum=True)
    pq.write_table(table.slice(test), folder / "train.parquet", row_group_size=50, write_page_checksum=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "data")
