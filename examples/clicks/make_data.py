"""Write clicks on advertisements as Parquet, of which the truth is known, a fifth of them to test on.

A row is a showing: the site, the advertisement and the kind of device, as text; the user and the words of the page,
as numbers; how many pages the user saw before; the chance of a click, which is not for the learner; and whether it was
clicked.  Few sites and users make most of the rows, as on the web.  Each value adds its own weight to the logarithm of
the odds of a click, and so does each pair of device and advertisement, by two tastes that they share or not: of these
no linear model can learn.

python make_data.py [FOLDER]        default: data/ beside this file
"""

import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

ROWS = 50_000
TRAIN_FILES = 2
ROW_GROUP = 4_000
COUNTS = {"site": 2_000, "advertisement": 500, "device": 6, "user": 20_000, "words": 3_000}
WORDS = 4
TASTES = 2


def main(folder: Path) -> None:
    random = np.random.default_rng(0)
    values = {name: often_few(random, count, 1) for name, count in COUNTS.items() if name != "words"}
    values["words"] = often_few(random, COUNTS["words"], WORDS)
    pages = random.geometric(0.2, ROWS)
    weights = {name: random.normal(scale=0.5, size=count) for name, count in COUNTS.items()}
    tastes = [random.normal(size=(COUNTS[name], TASTES)) for name in ("device", "advertisement")]
    pairs = tastes[0] @ tastes[1].T
    score = -1.8 + sum(weights[name][chosen].sum(axis=1) for name, chosen in values.items())
    score += pairs[values["device"][:, 0], values["advertisement"][:, 0]] - 0.4 * np.log(pages)
    chance = 1 / (1 + np.exp(-score))
    table = pa.table(
        {
            "site": [f"site-{n:x}.example" for n in values["site"][:, 0]],
            "advertisement": [f"ad-{n:x}" for n in values["advertisement"][:, 0]],
            "device": [f"device-{n}" for n in values["device"][:, 0]],
            "user": values["user"][:, 0],
            "words": values["words"].tolist(),
            "pages": pages,
            "chance": chance,
            "clicked": random.random(ROWS) < chance,
        }
    )
    test = ROWS // 5
    write(folder / "test" / "part-0.parquet", table.slice(0, test))
    for number, rows in enumerate(np.array_split(np.arange(test, ROWS), TRAIN_FILES)):
        write(folder / "train" / f"part-{number}.parquet", table.take(rows))


def often_few(random: np.random.Generator, count: int, width: int) -> npt.NDArray[np.int64]:
    """[rows, width]: numbers below ``count``, of which few come often."""
    return (random.zipf(1.3, (ROWS, width)) - 1) % count


def write(path: Path, table: pa.Table) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, row_group_size=ROW_GROUP)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "data")
