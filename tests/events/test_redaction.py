"""Texts without secrets."""

import json

import pytest

from yarnml.events.redaction import hide, hide_passwords, map_texts, redacted, without_password


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("ftp://ann:pw@h:21/x can't be read", "ftp://ann:…@h:21/x can't be read"),
        ("'s3://:k3y@bucket/a'", "'s3://:…@bucket/a'"),
        ("http://a:p@ss:w@h/x?a=1", "http://a:…@h/x?a=1"),
        ("simplecache::ftp://a:b@h/x and ftp://c:d@h/y", "simplecache::ftp://a:…@h/x and ftp://c:…@h/y"),
        ("https://h/x?sv=2&sig=abc%2F&se=1", "https://h/x?sv=2&sig=…&se=1"),
        ("https://h/x?X-Amz-Signature=abc&X-Amz-Credential=def", "https://h/x?X-Amz-Signature=…&X-Amz-Credential=…"),
        ("hdfs://ann@nn:8020/x", "hdfs://ann@nn:8020/x"),
        ("hdfs://nn:8020/mail@x", "hdfs://nn:8020/mail@x"),
        ("accuracy 0.5 at 12:30", "accuracy 0.5 at 12:30"),
    ],
)
def test_urls(text: str, clean: str) -> None:
    """A password and what a query names as secret are hidden; everything else stays."""
    assert redacted(text) == clean


def test_values_are_hidden_however_they_are_quoted() -> None:
    """A value is hidden as it is, in a repr, in JSON, and line by line; not as a part of another word."""
    secret = 'tr0ub4dor "&3"\nsecond höme\\line'
    hide([secret])
    for text in (secret, repr(secret), json.dumps(secret), json.dumps({"a": secret}), secret.split("\n")[1]):
        assert "tr0ub4dor" not in redacted(text)
        assert "second" not in redacted(text)
    hide(["swordfish"])
    assert redacted("say swordfish! swordfishes") == "say …! swordfishes"
    assert map_texts(redacted, {"a": ["swordfish", 1, None]}) == {"a": ["…", 1, None]}


def test_plain_values_stay() -> None:
    """A short word, a number or a path stands in many texts, and hiding it would make them useless."""
    values = ["true", "0.85", "123456", "/usr/lib:/opt/x", "income", "WARNING"]
    hide(values)
    assert redacted(" ".join(values)) == " ".join(values)


def test_a_password_is_hidden_alone() -> None:
    """A library may quote the password without its URL, and decoded."""
    hide_passwords(["ftp://ann:corr%2Fect-horse@h/x"])
    assert redacted("530 login as ann with corr/ect-horse failed") == "530 login as ann with … failed"
    assert redacted("corr%2Fect-horse") == "…"


def test_names_stay_where_only_urls_are_cleaned() -> None:
    """A column may be called as a variable's value is; the description of a job keeps it."""
    hide(["household_income_2024"])
    text = "household_income_2024 from ftp://ann:pw@host/x"
    assert without_password(text) == "household_income_2024 from ftp://ann:…@host/x"
    assert redacted(text) == "… from ftp://ann:…@host/x"
