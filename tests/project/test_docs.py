"""The documents say what is there: links, fields, defaults, job files, commands and code blocks."""

import re
import shlex
import textwrap
from pathlib import Path
from typing import NamedTuple

import click
import pytest
import yaml

import yarnml
from appspec.__main__ import KINDS, schema
from tests.project import drawing
from yarnml.cli.commands import cli
from yarnml.control.commands import Command
from yarnml.job.load import load_any

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("docker/*.md"), *ROOT.glob("examples/*/*.md")])


class Block(NamedTuple):
    """A fenced block: its page and first line, its language and its text."""

    where: str
    language: str
    text: str


def blocks(language: str) -> list[Block]:
    every_block = []
    for page in PAGES:
        text = page.read_text()
        for match in re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
            line = text[: match.start()].count("\n") + 1
            every_block.append(Block(f"{page.relative_to(ROOT)}:{line}", match[1], match[2]))
    return [block for block in every_block if block.language == language]


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as forges make them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link names a file or folder that exists, and every anchor a heading of its page."""
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        destination = (page.parent / path).resolve() if path else page
        assert destination.exists(), f"{page.name} links to {target}"
        assert not anchor or anchor in anchors(destination), f"{page.name} links to {target}"


@pytest.mark.parametrize("block", blocks("yaml"), ids=lambda block: block.where)
def test_job_files_load(block: Block, tmp_path: Path) -> None:
    """Every job in the documents is one that yarnml takes; a part of one is valid in a whole job."""
    job = yaml.safe_load(block.text)
    if not job.keys().isdisjoint({"predict", "evaluate", "explain", "look"}):
        assert load_any(job).name == job["name"]
        return
    whole = {"name": "job", "data": {"train": "x.csv", "features": ["x"], "label": "y"}, "learner": {"kind": "mlp"}}
    path = tmp_path / "job.yaml"
    missing = {key: value for key, value in whole.items() if key not in job}
    path.write_text(block.text + yaml.safe_dump(missing) if missing else block.text)
    assert yarnml.load_job(path).name == job.get("name", "job")


@pytest.mark.parametrize("block", blocks("python"), ids=lambda block: block.where)
def test_python_compiles(block: Block) -> None:
    """Every Python block is Python."""
    compile(textwrap.dedent(block.text), block.where, "exec")


def commands() -> list[tuple[str, str]]:
    """Every ``yarnml …`` command in the documents: on a line of its own in a code block, or in backticks."""
    pattern = re.compile(r"^ {4,}(?:\$ )?(yarnml [a-z][^\n]*)$|`(yarnml [a-z][^`]*)`", re.MULTILINE)
    shown = []
    for page in PAGES:
        for match in pattern.finditer(re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)):
            shown.append((str(page.relative_to(ROOT)), " ".join((match[1] or match[2]).split())))
    return shown


@pytest.mark.parametrize(("page", "command"), commands())
def test_commands_exist(page: str, command: str) -> None:
    """Every command shown is one that yarnml has, with options and values that it takes."""
    _, name, *arguments = shlex.split(command, comments=True)
    assert name in cli.commands, f"{page}: {command}"
    if arguments:
        context = cli.commands[name].make_context(name, arguments)
        assert isinstance(context, click.Context)


def test_commands_are_found() -> None:
    """The search for commands finds those of the README and of the pages."""
    assert {"README.md", "docs/errors.md", "examples/digits/README.md"} <= {page for page, _ in commands()}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_make_targets_exist(page: Path) -> None:
    """Every ``make …`` in the documents is a target of the Makefile."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    shown = re.findall(r"(?:^ {4}|`)make (?:[A-Z]+=\S+ )?([a-z-]+)", page.read_text(), re.MULTILINE)
    assert set(shown) <= targets


def test_the_schema_is_the_job_file_s() -> None:
    """The schemas in appspec are what `make schema` writes now."""
    for name in KINDS:
        assert (ROOT / f"appspec/{name}.schema.json").read_bytes() == schema(name)


def test_the_drawing_is_the_house() -> None:
    """docs/house.svg is what `make house` draws of the rooms and their imports now."""
    assert drawing.TARGET.read_bytes() == drawing.house()


def test_the_drawing_leaves_out_what_a_chain_says() -> None:
    """An arrow stands for an import that no chain of other imports implies; none is lost by that."""
    used = {"a": frozenset("bc"), "b": frozenset("c"), "c": frozenset("d"), "d": frozenset("")}
    assert drawing.arrows(used) == {("a", "b"), ("b", "c"), ("c", "d")}
    assert drawing.arrows({"a": frozenset("bc"), "b": frozenset(""), "c": frozenset("")}) == {("a", "b"), ("a", "c")}


def named_files(page: Path) -> set[str]:
    """Paths of files and folders that a page names in backticks: ``master/rounds.py``, ``yarnml/data/``."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    files = re.findall(r"`((?:[a-z_]+/)+[a-z_.]+\.(?:py|json|yaml|svg|md)|[a-z_]+\.py)`", text)
    rooms = "|".join(sorted(path.name for path in (ROOT / "yarnml").iterdir() if path.is_dir()))
    folders = re.findall(rf"`((?:yarnml|tests|benchmarks|appspec|docs|docker|{rooms})/(?:[a-z_]+/)*)`", text)
    return {*files, *folders}


NOT_STORED = {"predict.py", "my_model.py", "layers.py", "table.json", "file.py", "benchmarks/data/"}
"""Files that the reader writes, and a folder that the benchmarks fill: a fresh checkout has none of them."""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_that_are_named_exist(page: Path) -> None:
    """Every path in backticks is one of the project, below its root, `yarnml/` or the page's own folder."""
    for name in named_files(page) - NOT_STORED:
        assert any((folder / name).exists() for folder in (ROOT, ROOT / "yarnml", page.parent)), name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_modules_that_are_named_exist(page: Path) -> None:
    """Every dotted name of the package in backticks or a command is a module, or something in one."""
    for name in re.findall(r"(?:`|-m )(yarnml(?:\.[a-z_]+)+)", page.read_text()):
        parts = name.split(".")
        path = ROOT.joinpath(*parts)
        assert path.is_dir() or path.with_suffix(".py").exists() or hasattr(yarnml, parts[1]), name


def test_the_page_follows_every_room() -> None:
    """docs/life-of-a-round.md has a section for each room of the contract, in its order."""
    headings = re.findall(r"^## (\w+):", (ROOT / "docs/life-of-a-round.md").read_text(), re.MULTILINE)
    assert headings == [name for layer in drawing.layers() for name in layer if name != "errors"]


def test_every_command_of_the_master_is_explained() -> None:
    """docs/life-of-a-round.md has every command in its table, but for those that say nothing to do and to stop."""
    table = re.findall(r"^\| (`[A-Z].*?) \|", (ROOT / "docs/life-of-a-round.md").read_text(), re.MULTILINE)
    shown = {name for cell in table for name in re.findall(r"`(\w+)`", cell)}
    assert shown == {kind.__name__ for kind in Command.__args__} - {"Idle", "Stop"}


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/life-of-a-round.md"])
def test_names_of_the_code_exist(page: str) -> None:
    """Classes, constants and functions that the pages about the code name in backticks are words of the code."""
    sources = [path.read_text() for folder in ("yarnml", "tests") for path in (ROOT / folder).rglob("*.py")]
    known = set(re.findall(r"\w+", "\n".join(sources)))
    text = re.sub(r"^```.*?^```$", "", (ROOT / page).read_text(), flags=re.MULTILINE | re.DOTALL)
    named = set(re.findall(r"`([A-Z]\w+|[a-z]+(?:_[a-z]+)+)(?:\([a-z_, ]*\))?`", text))
    assert len(named) > 10
    assert named <= known
