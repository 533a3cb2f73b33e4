"""Words for types of columns that nothing here can take: what to store instead."""

import pyarrow as pa

LISTS_OF_TEXT = "name one of its texts, such as tags[0], or join a row's words to one text"

HINTS = {
    "null": "it holds nothing but nulls, so leave it out",
    "binary": "text must be UTF-8, and annotated as text in Parquet: convert it, or cast it to text in writing; "
    "numbers of images are made by image of data.prepare",
    "timestamp": "store it as a number, such as seconds, or as text; for features see datetime of data.prepare",
    "date": "store it as a number, such as days, or as text; for features see datetime of data.prepare",
    "time": "store it as a number, such as seconds, or as text",
    "duration": "store it as a number, such as seconds",
    "list<element: string": LISTS_OF_TEXT,
    "list<item: string": LISTS_OF_TEXT,
    "list<array: string": LISTS_OF_TEXT,
    "list<element: list<": "put all numbers of a row into one list",
    "list<": "store one value in a row",
    "struct<": "name its parts, such as address.zip, or store them as columns of their own",
    "map<": "name one of its keys, such as colours.sky, or make keys of it, by kind: key of data.prepare",
}
"""By the beginning of a type's name."""


def hint(kind: pa.DataType) -> str:
    """The end of a sentence that refuses a type, with what to do; empty where there is no more to say."""
    return next((f"; {words}" for beginning, words in HINTS.items() if str(kind).startswith(beginning)), "")
