"""The access lists that YARN and Skein get for a job."""

from typing import Any

import pytest

from yarnml.clusters.yarn.application import specification
from yarnml.clusters.yarn.packaging.provision import Provision
from yarnml.errors import JobFileError
from yarnml.job.load import load_job
from yarnml.job.spec import Job

NOBODY = {"view_users": [], "view_groups": [], "modify_users": [], "modify_groups": [], "ui_users": []}


def job(acls: dict[str, Any]) -> Job:
    data = {"train": "x.csv", "features": ["x"], "label": "y"}
    return load_job({"name": "j", "data": data, "learner": {"kind": "mlp"}, "acls": acls})


@pytest.mark.parametrize(
    ("acls", "kerberos", "service", "lists"),
    [
        ({}, False, "", {"enable": False}),
        ({}, True, "", {"enable": True, **NOBODY}),
        (
            {"view": ["bob", "group:team", "*"], "modify": ["carol"], "ui": ["dan"]},
            False,
            "",
            {
                "enable": True,
                "view_users": ["bob", "*"],
                "view_groups": ["team"],
                "modify_users": ["carol"],
                "modify_groups": [],
                "ui_users": ["*", "bob", "dan"],
            },
        ),
        ({}, True, "airflow", {"enable": True, **NOBODY, "view_users": ["airflow"], "modify_users": ["airflow"]}),
    ],
)
def test_lists(acls: dict[str, Any], kerberos: bool, service: str, lists: dict[str, Any]) -> None:
    """A cluster that knows its users shows a job to those whom it names alone, and to the service that sent it."""
    provision = Provision(prelude="", python="python3", resources={}, variables={})
    application = specification(job(acls), "job.json", "hdfs:///home", provision, kerberos=kerberos, service=service)
    assert application["acls"] == lists


@pytest.mark.parametrize(
    ("acls", "sentence"),
    [
        ({"view": ["bob carol"]}, r"acls\.view\[0\] must be a user's name, 'group:NAME', or '\*' for everybody"),
        ({"ui": ["group:team"]}, r"acls\.ui\[0\] must be a user's name, or '\*' for everybody"),
        ({"edit": ["bob"]}, r"acls has an unknown key 'edit'"),
    ],
)
def test_what_is_refused(acls: dict[str, Any], sentence: str) -> None:
    """YARN splits names at blanks and commas, and Skein's pages know no groups."""
    with pytest.raises(JobFileError, match=sentence):
        job(acls)
