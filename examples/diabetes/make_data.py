"""Write scikit-learn's diabetes data (in its own units) as CSV, a fifth of it to test on.

python make_data.py [FOLDER]        default: data/ beside this file
"""

import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as csv
from sklearn.datasets import load_diabetes


def main(folder: Path) -> None:
    diabetes = load_diabetes(scaled=False)
    order = np.random.default_rng(0).permutation(len(diabetes.data))
    columns = dict(zip(diabetes.feature_names, diabetes.data[order].T, strict=True))
    table = pa.table({**columns, "progression": diabetes.target[order]})
    test = len(order) // 5
    folder.mkdir(parents=True, exist_ok=True)
    csv.write_csv(table.slice(0, test), folder / "test.csv")
    csv.write_csv(table.slice(test), folder / "train.csv")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "data")
