"""Principals become users by Hadoop's rules, as its own KerberosName makes them."""

import pytest

from yarnml.storage.security.auth_to_local import short_name

REALM = "CORP.EXAMPLE"

# Principal, rules, mechanism, name.
NAMES = [
    ("ann@CORP.EXAMPLE", "", "hadoop", "ann"),
    ("ann@CORP.EXAMPLE", "DEFAULT", "hadoop", "ann"),
    ("ann/admin@CORP.EXAMPLE", "DEFAULT", "hadoop", "ann"),
    ("ann", "DEFAULT", "hadoop", "ann"),
    ("ann@OTHER", "RULE:[1:$1@$0](.*@OTHER)s/@.*// DEFAULT", "hadoop", "ann"),
    ("ann@OTHER", "RULE:[1:$1]", "hadoop", "ann"),
    ("nn/host@CORP.EXAMPLE", "RULE:[2:$1/$2@$0]([nd]n/.*@CORP[.]EXAMPLE)s/.*/hdfs/ DEFAULT", "hadoop", "hdfs"),
    ("rm/host@CORP.EXAMPLE", "RULE:[2:$1/$2@$0]([nd]n/.*@CORP[.]EXAMPLE)s/.*/hdfs/ DEFAULT", "hadoop", "rm"),
    ("Ann@CORP.EXAMPLE", "RULE:[1:$1]/L", "hadoop", "ann"),
    ("Ann.Smith@CORP.EXAMPLE", "RULE:[1:$1](.*)s/[.]/_/g/L", "hadoop", "ann_smith"),
    ("a.b.c@CORP.EXAMPLE", "RULE:[1:$1](.*)s/[.]/_/", "hadoop", "a_b.c"),
    ("svc-ann@CORP.EXAMPLE", "RULE:[1:$1](svc-.*)s/svc-(.*)/$1/", "hadoop", "ann"),
    ("ann@CORP.EXAMPLE", "RULE:[2:$1]s/.*/x/\nRULE:[1:$1;$0](ann;CORP.*)s/;.*//", "hadoop", "ann"),
    ("ann@OTHER", "DEFAULT", "MIT", "ann@OTHER"),
    ("ann@OTHER", "RULE:[1:$1@$0]", "MIT", "ann@OTHER"),
]


@pytest.mark.parametrize(("principal", "rules", "mechanism", "name"), NAMES)
def test_a_principal_has_a_short_name(principal: str, rules: str, mechanism: str, name: str) -> None:
    assert short_name(principal, rules, REALM, mechanism) == name


@pytest.mark.parametrize(
    ("principal", "rules", "error"),
    [
        ("ann@OTHER", "DEFAULT", "no rule is for the principal ann@OTHER"),
        ("ann/x/y@OTHER", "RULE:[1:$1] RULE:[2:$1]", "no rule is for"),
        ("ann@OTHER", "RULE:[1:$1@$0]", "which is no user's name"),
        ("ann@OTHER", "RULE:ann", "RULE:ann is no rule"),
        ("ann@OTHER", "RULE:[1:$3]", r"asks for \$3 of a principal with 1 component"),
    ],
)
def test_no_name(principal: str, rules: str, error: str) -> None:
    """Whom no rule names is refused, and a rule that is none is told."""
    with pytest.raises((PermissionError, ValueError), match=error):
        short_name(principal, rules, REALM)
