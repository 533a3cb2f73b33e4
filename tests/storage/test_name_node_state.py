"""The state of a NameNode, in its own words."""

import pytest

from yarnml.storage.name_node_state import read_state


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b'{"beans": [{"name": "Hadoop:service=NameNode,name=NameNodeStatus", "State": "active"}]}', "is active"),
        (b'{"beans": [{"State": "standby", "NNRole": null}]}', "is standby"),
        (b'{"beans": [{"State": null}]}', "does not tell its state"),
        (b'{"beans": []}', "does not tell its state"),
        (b'{"beans": null}', "does not tell its state"),
        (b"{}", "does not tell its state"),
        (b"<html>", "does not tell its state"),
        (b"", "does not tell its state"),
    ],
)
def test_the_state_in_an_answer(answer: bytes, words: str) -> None:
    """A NameNode that begins has no state yet, and a proxy may answer in its place."""
    assert read_state(answer) == words
