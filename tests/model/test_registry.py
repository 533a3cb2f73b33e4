"""The registry in the folder of a model's versions: aliases, tags, retention, signatures, tables."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import yarnml
from tests.command_line import command_line
from yarnml.cli import main
from yarnml.errors import ExportError, JobFileError, YarnmlError
from yarnml.job import paths
from yarnml.model import registry
from yarnml.model.aliases import Alias, aliases
from yarnml.model.condition import holds
from yarnml.model.versions import next_version, resolve
from yarnml.storage import integrity

METRICS = {"test": {"roc_auc": 0.9, "loss": 0.5}, "validation": {"roc_auc": 0.8, "mae": 2.0}}
BETTER = {"test": {"roc_auc": 0.95, "loss": 0.4}}


@pytest.fixture
def folder(exported: Path, tmp_path: Path) -> Path:
    """Four versions of a model, with metrics of their own: 0.90, 0.91, 0.92, 0.93."""
    for number in range(1, 5):
        place = tmp_path / "models" / str(number)
        shutil.copytree(exported, place)
        document = integrity.unseal((place / paths.ABOUT).read_bytes(), "digests", paths.ABOUT)
        document |= {"metrics": {"test": {"accuracy": 0.89 + number / 100}}}
        (place / paths.ABOUT).write_bytes(integrity.seal(document, "digests", paths.ABOUT))
    return tmp_path / "models"


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Runs ``yarnml models …`` in this process; its status, and all that it prints."""

    def run(*arguments: str | Path) -> tuple[int, str]:
        with command_line("models", *arguments), pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out + printed.err

    return run


def test_an_alias_moves_and_goes_back(folder: Path) -> None:
    """A promoted version is loaded by its alias; rollbacks go back one by one, as if nothing after had been."""
    place = str(folder)
    for number in ("1", "3", "4"):
        registry.promote(place, number, "production")
    assert yarnml.load_model(f"{folder}@production").folder == str(folder / "4")
    assert [registry.rollback(place, "production").number for _ in range(2)] == [3, 1]
    with pytest.raises(ExportError, match="names no earlier version"):
        registry.rollback(place, "production")
    registry.promote(place, None, "staging")
    assert aliases(place) == {"production": 1, "staging": 4}
    registry.remove_alias(place, "staging")
    with pytest.raises(ExportError, match="has no alias staging; it has production"):
        resolve(f"{folder}@staging")
    acts = [(entry.value, entry.act) for entry in Alias(place, "production").entries]
    assert acts == [*((n, "promoted") for n in (1, 3, 4)), (3, "rolled back"), (1, "rolled back")]


def test_one_of_two_wins(folder: Path) -> None:
    """One of many who move an alias at once does; all others hear who was first, and what it names now."""
    readers = [Alias(str(folder), "production") for _ in range(8)]

    def move(number: int) -> str:
        try:
            readers[number].move(number % 4 + 1, "promoted")
        except ExportError as exc:
            return str(exc)
        return ""

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(move, range(8)))
    assert answers.count("") == 1
    winner = answers.index("") % 4 + 1
    assert aliases(str(folder)) == {"production": winner}
    assert all(f"was changed meanwhile, to {winner} by" in text for text in answers if text)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("roc_auc > 0.85", True),
        ("validation.roc_auc > 0.85", False),
        ("mae == 2 and not loss > 0.5", True),
        ("roc_auc > @production.roc_auc", False),
        ("@production.loss + 0.1 >= loss - 1e-9", True),
        ("roc_auc > @production.test.roc_auc - 0.06", True),
        ("0.5 < roc_auc < 0.8 or -loss < 0", True),
        ("roc_auc > @nobody.roc_auc", True),
        ("roc_auc > 0.99 and roc_auc > @nobody.roc_auc", False),
    ],
)
def test_a_condition_is_worked_out(condition: str, expected: bool) -> None:
    """Metrics of the version, of its test data where nothing else is said, are compared with those of aliases."""
    assert holds(condition, METRICS, lambda alias: BETTER if alias == "production" else None) is expected


@pytest.mark.parametrize(
    ("condition", "sentence"),
    [
        ("__import__('os').system('true') > 0", "is no condition"),
        ("roc_auc", "is no condition"),
        ("roc_auc > 'a'", "is no condition"),
        ("roc_auc >", "is no condition"),
        ("roc_auc ** 9 > 1", "is no condition"),
        ("f1 > 0.5", "there is no metric 'f1'; there are test.loss, test.roc_auc, validation.mae, validation.roc_auc."),
        ("roc_auc / 0 > 1", "divides by 0"),
        ("(" * 400 + "roc_auc" + ")" * 400 + " > 1", "500 characters at most"),
    ],
)
def test_a_condition_is_no_code(condition: str, sentence: str) -> None:
    """Whatever is no comparison of metrics and numbers is refused in one sentence, and never run."""
    with pytest.raises(JobFileError) as caught:
        holds(condition, METRICS, lambda alias: None)
    assert sentence in str(caught.value)


def test_a_promotion_may_fail(folder: Path, command: Callable[..., tuple[int, str]]) -> None:
    """A pipeline promotes what is better: the first version always, the same one not again, with status 1."""
    condition = "accuracy > @production.accuracy"
    assert command("promote", folder, "2", "--if", condition)[0] == 0
    status, printed = command("promote", folder, "1", "--if", condition)
    assert (status, aliases(str(folder))) == (1, {"production": 2})
    assert f"is not promoted: {condition} does not hold." in printed
    assert command("promote", folder, "--if", condition)[0] == 0
    assert aliases(str(folder)) == {"production": 4}


def test_what_an_alias_names_stays(folder: Path, command: Callable[..., tuple[int, str]]) -> None:
    """Retention keeps the newest and what an alias names; a number that was deleted is not given again."""
    registry.promote(str(folder), "1", "production")
    status, printed = command("delete", folder, "1")
    assert (status, (folder / "1").exists()) == (1, True)
    assert "Version 1" in printed
    assert "is production; it is not deleted" in printed
    assert command("delete", folder, "--keep", "2") == (0, "deleted: 2\n")
    assert command("delete", folder, "4")[0] == 0
    assert next_version(str(folder)) == 5
    assert command("delete", folder, "--alias", "production")[0] == 0
    assert command("delete", folder, "1", "3")[0] == 0
    assert not [p for p in folder.iterdir() if p.name.isdecimal() or p.name.startswith(".")]
    assert "There are no model versions" in command("ls", folder)[1]


def test_everything_about_a_version(folder: Path, command: Callable[..., tuple[int, str]]) -> None:
    """A table has every version, a broken one with the reason; one version shows its lineage, metrics and tags."""
    registry.promote(str(folder), "3", "production")
    assert (
        command("tag", folder, "production", "reviewed=by Ann", "note=x")[1] == "version 3: reviewed=by Ann, note=x\n"
    )
    assert command("tag", folder, "3", "note=")[1] == "version 3: reviewed=by Ann\n"
    (folder / "2" / paths.ABOUT).write_text("{}")
    (folder / "7").mkdir()
    status, listed = command("ls", folder)
    assert status == 0
    lines = listed.splitlines()
    assert lines[0].split() == ["version", "aliases", "learner", "created", "by", "metrics"]
    assert lines[2].startswith("3        production  softmax")
    assert any(line.startswith("2: ") and "is not a yarnml model" in line for line in lines)
    assert any(line.startswith("7: ") for line in lines)
    assert json.loads(command("ls", folder, "--json")[1])["aliases"] == {"production": 3}
    shown = command("show", folder, "production")[1]
    for text in ("tag reviewed", "by Ann", "accuracy 0.92", "data train", "jaxlib", "promoted 3", "650", "created"):
        assert text in shown
    compared = command("compare", folder, "1", "4")[1]
    assert "test.accuracy  0.9        0.93       +0.03" in compared
    assert command("show", folder, "7")[0] == 1


def test_a_version_is_verified(folder: Path, command: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    """Damage is named with status 1; a signature is of one key and of one version's bytes."""
    keys = [tmp_path / name for name in ("ann", "bob")]
    for key in keys:
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", key], check=True)
        subprocess.run(["openssl", "pkey", "-in", key, "-pubout", "-out", f"{key}.pub"], check=True)
    ann, bob = (f"{key}.pub" for key in keys)
    assert command("verify", folder) == (0, "".join(f"{n:<8}ok\n" for n in range(1, 5)))
    assert command("sign", folder, "1", "--key", keys[0])[0] == 0
    assert command("verify", folder, "1", "--key", bob, "--key", ann) == (0, "1       ok\n")
    status, printed = command("verify", folder, "1", "--key", bob)
    assert status == 1
    assert "has not signed it" in printed
    assert yarnml.load_model(folder / "1", trusted_keys=[ann]).folder == str(folder / "1")
    with pytest.raises(ExportError, match="can't be trusted: key"):
        yarnml.load_model(folder / "2", trusted_keys=[ann])
    (signature,) = (folder / "1").glob("*.sig")
    shutil.copy(signature, folder / "2")
    with pytest.raises(ExportError, match="is of something else"):
        yarnml.load_model(folder / "2", trusted_keys=[ann])
    os.truncate(folder / "3" / paths.PROGRAM, 100)
    status, printed = command("verify", folder)
    assert status == 1
    assert "3       " + str(folder / "3") + " is torn: model.stablehlo has the SHA-256" in printed
    assert command("verify", folder, "1", "--key", keys[0])[0] == 2


def test_a_new_version_says_where_it_comes_from(exported: Path) -> None:
    """model.json has who exported it, when, where, by which application and with which code."""
    about = json.loads((exported / paths.ABOUT).read_text())
    assert about["created"].endswith("+00:00")
    assert about["user"]
    assert about["host"]
    assert (about["application"], about["code"], about["parent"]) == ("", "", None)


@pytest.mark.parametrize("name", ["", "1st", "a/b", "..", "a b"])
def test_a_name_of_an_alias_is_plain(folder: Path, name: str) -> None:
    """An alias is a name of a folder on every storage, and no number."""
    with pytest.raises(YarnmlError, match="An alias must be"):
        registry.promote(str(folder), "1", name)
