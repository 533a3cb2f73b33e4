"""Write scikit-learn's 1,797 handwritten digits (8x8 pixels) as Parquet: four files to train on, one to test on.

python make_data.py [FOLDER]        default: data/ beside this file
"""

import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from sklearn.datasets import load_digits

TRAIN_FILES = 4
ROW_GROUP = 100


def main(folder: Path) -> None:
    digits = load_digits()
    order = np.random.default_rng(0).permutation(len(digits.data))
    pixels = digits.data[order].astype(np.float32)
    labels = digits.target[order].astype(np.int32)
    test = len(labels) // 5
    write(folder / "test" / "part-0.parquet", pixels[:test], labels[:test])
    for number, rows in enumerate(np.array_split(np.arange(test, len(labels)), TRAIN_FILES)):
        write(folder / "train" / f"part-{number}.parquet", pixels[rows], labels[rows])


def write(path: Path, pixels: np.ndarray, labels: np.ndarray) -> None:
    lists = pa.FixedSizeListArray.from_arrays(pa.array(pixels.ravel()), pixels.shape[1])
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(
        pa.table({"pixels": lists, "digit": labels}), path, row_group_size=ROW_GROUP, write_page_checksum=True
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "data")
