"""Job files for tests, as mappings, and the words in which one is refused."""

from typing import Any

import pytest

from yarnml.errors import JobFileError
from yarnml.job.load import load_job

Document = dict[str, Any]


def document(**sections: Any) -> Document:
    """The least job file there is, with other sections."""
    return {
        "name": "job",
        "data": {"train": "rows.csv", "features": ["x"], "label": "y"},
        "learner": {"kind": "mlp"},
        **sections,
    }


def data(**fields: Any) -> Document:
    return document(data={**document()["data"], **fields})


KMEANS = {"kind": "kmeans", "clusters": 2}


def unlabelled(**fields: Any) -> Document:
    return document(learner=KMEANS, data={"train": "rows.csv", "features": ["x"], **fields})


def refusal(source: Document, *overrides: str) -> str:
    with pytest.raises(JobFileError) as caught:
        load_job(source, overrides)
    assert "\n" not in str(caught.value)
    return str(caught.value)
