"""Write scikit-learn's handwritten digits as ratings: how dark (0 … 4) is a pixel of an image?

An image is a user, a pixel an item.  Four fifths of all pairs, by user, to train on; the others to test on.

python make_data.py [FOLDER]        default: data/ beside this file
"""

import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from sklearn.datasets import load_digits

ROW_GROUP = 10_000


def main(folder: Path) -> None:
    grey = load_digits().data / 4
    user, item = (a.ravel() for a in np.indices(grey.shape))
    test = np.random.default_rng(0).random(grey.size) < 0.2
    for name, rows in (("train", ~test), ("test", test)):
        (folder / name).mkdir(parents=True, exist_ok=True)
        columns = {"user": user[rows], "item": item[rows], "rating": grey.ravel()[rows]}
        path = folder / name / "part-0.parquet"
        pq.write_table(pa.table(columns), path, row_group_size=ROW_GROUP, write_page_checksum=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "data")
