"""Write scikit-learn's 1,797 handwritten digits as images, 8x8 pixels each: a PNG file in the folder of its digit.

python make_data.py [FOLDER]        default: data/ beside this file
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

BLACKEST = 16
"""The largest number of the data set: as much ink as a pixel can have."""


def main(folder: Path) -> None:
    digits = load_digits()
    order = np.random.default_rng(0).permutation(len(digits.images))
    for place, row in enumerate(order):
        part = "test" if place < len(order) // 5 else "train"
        path = folder / part / str(digits.target[row]) / f"{place:04d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray((digits.images[row] * (255 / BLACKEST)).astype(np.uint8)).save(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "data")
