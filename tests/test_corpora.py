"""The sample corpora: the almanac can be remade, and the manual says what the code does."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import click
import pytest

sys.path.insert(0, str(Path(__file__).parent))

import make_almanac
from ragset.flow.registry import EXPORTS, STEPS, export_class, step_class

ROOT = Path(__file__).parents[1]
GUIDE = ROOT / "corpora" / "guide"
PAGES = sorted(GUIDE.glob("*.md"))
SHARED_FIELDS = {"all_scores"}
"""Fields that several judges inherit; they are documented once."""


def _text(page: Path) -> str:
    return page.read_text("utf-8")


def _outside_code(text: str) -> str:
    return re.sub(r"(?ms)^```.*?^```$", "", text)


def test_the_almanac_is_what_its_script_makes() -> None:
    assert make_almanac.differences() == []


def test_a_changed_almanac_file_is_noticed(tmp_path: Path) -> None:
    for path in make_almanac.FOLDER.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "knots.txt").write_text("A knot is a lie.", "utf-8")
    (tmp_path / "stray.txt").write_text("left over", "utf-8")
    (tmp_path / "burns.md").unlink()
    assert make_almanac.differences(tmp_path) == ["burns.md", "stray.txt", "knots.txt"]


def test_the_almanac_has_many_formats_and_is_small() -> None:
    suffixes = {Path(name).suffix for name in make_almanac.FILES}
    assert suffixes >= {".pdf", ".docx", ".html", ".pptx", ".epub", ".xlsx", ".csv", ".rst", ".txt", ".md"}
    assert sum(path.stat().st_size for path in make_almanac.FOLDER.iterdir()) < 1_000_000


TITLES = {
    "beekeeping.epub": ("Beekeeping Basics", "Queen | 3 days | 8 days | 16 days"),
    "bicycle-maintenance.docx": ("Bicycle Maintenance", "Pedals | 35 newton metres | 15 mm spanner"),
    "bread.html": ("Bread and Sourdough", "Bagel | 55 percent | stiff and easy to shape"),
    "burns.md": ("First Aid for Burns", "Each arm | 9 percent"),
    "calendars.rst": ("Leap Years and Calendars", "Spain | 4 October 1582 | 15 October 1582"),
    "coffee-roasting.pptx": ("Coffee Roasting", "First crack | about 196 degrees Celsius"),
    "dunarea.odt": ("Dunărea", "Tisa | stâng | 966 km"),
    "knots.txt": ("Useful Knots", "The bowline is a knot that makes a fixed loop at the end of a rope."),
    "metric-prefixes.csv": ("Metric prefixes", "kilo | k | 3 | 1795"),
    "metric-system.rtf": ("The Metric System", "Jean-Baptiste Delambre and Pierre Méchain"),
    "paper-sizes.xlsx": ("Standard Paper Sizes", "A4 | 210 | 297 | letters and office documents"),
    "street-trees.md": ("Street Trees", "Silver birch | Betula pendula | 20 metres"),
    "tides.pdf": ("Tides", "San Francisco | United States | mixed | 1.8 metres"),
    "volcanoes.pdf": ("Types of Volcano", "A caldera is a large basin that forms when the ground sinks"),
}


@pytest.mark.parametrize("name", make_almanac.FILES)
def test_every_almanac_file_can_be_read(name: str) -> None:
    from ragset.adapters.reading import read_document
    from ragset.schema.documents import SourceFile

    path = make_almanac.FOLDER / name
    data = path.read_bytes()
    file = SourceFile(corpus="almanac", root=str(path.parent), path=name, absolute=str(path), size=len(data))
    document = read_document(file, data, 10**7)
    title, line = TITLES[name]
    assert document.title == title
    assert line in document.text


def test_there_is_a_manual() -> None:
    assert len(PAGES) >= 15


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_a_page_has_one_title_and_no_skipped_level(page: Path) -> None:
    levels = [len(mark) for mark in re.findall(r"(?m)^(#+) ", _outside_code(_text(page)))]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_links_between_pages_resolve(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", _outside_code(_text(page)))
    missing = [link for link in links if "://" not in link and not (GUIDE / link).is_file()]
    assert not missing


def test_every_page_is_in_the_table_of_contents() -> None:
    linked = set(re.findall(r"\]\(([\w-]+\.md)\)", _text(GUIDE / "index.md")))
    assert linked == {page.name for page in PAGES} - {"index.md"}


def _command_lines() -> Iterator[tuple[str, list[str]]]:
    """Give (page, words) of each command line in a code block or a code span."""
    for page in PAGES:
        text = _text(page)
        fenced = re.findall(r"(?m)^(ragset [^\n>]+?)(?: >.*)?$", "\n".join(re.findall(r"(?ms)^```\n(.*?)^```$", text)))
        inline = [" ".join(span.split()) for span in re.findall(r"`(ragset [^`]+)`", _outside_code(text))]
        for line in (*fenced, *inline):
            yield page.stem, shlex.split(line)[1:]


LINES = list(_command_lines())


@pytest.mark.parametrize(("page", "words"), LINES, ids=[f"{p}: {' '.join(w)}" for p, w in LINES])
def test_commands_in_the_manual_exist_with_their_options(page: str, words: list[str]) -> None:
    from ragset.cli import cli

    command: click.Command = cli
    rest = list(words)
    while rest:
        flags = {flag for parameter in command.params for flag in parameter.opts + parameter.secondary_opts}
        flags |= {"-h", "--help"}
        if rest[0].startswith("-"):
            word = rest.pop(0).partition("=")[0]
            assert word in flags, f"'{command.name}' has no option {word}"
            taking = next((p for p in command.params if word in p.opts), None)
            if isinstance(taking, click.Option) and not taking.is_flag and taking.name not in {"version"}:
                rest = rest[1:]
        elif isinstance(command, click.Group):
            name = rest.pop(0)
            found = command.get_command(click.Context(command), name)
            assert found, f"'{command.name}' has no command {name}"
            command = found
        else:
            assert any(isinstance(p, click.Argument) for p in command.params), f"'{command.name}' takes no argument"
            rest.pop(0)


def _all_commands() -> Iterator[tuple[str, click.Command]]:
    from ragset.cli import cli

    context = click.Context(cli)
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command
        yield name, command
        if isinstance(command, click.Group):
            yield from ((f"{name} {sub}", child) for sub, child in command.commands.items())


@pytest.mark.parametrize(("name", "command"), list(_all_commands()), ids=lambda v: v if isinstance(v, str) else "")
def test_every_command_has_its_section_with_every_option(name: str, command: click.Command) -> None:
    if isinstance(command, click.Group):
        return
    text = "\n".join(_text(page) for page in PAGES)
    section = re.search(rf"(?ms)^## ragset {name}$(.*?)(?=^## ragset |^# )", text + "\n# ")
    assert section, f"no section 'ragset {name}'"
    options = [flag for p in command.params if isinstance(p, click.Option) for flag in p.opts if flag != "--help"]
    assert [flag for flag in options if f"`{flag}" not in section[1]] == []


def test_messages_in_troubleshooting_are_those_of_the_code() -> None:
    """The longest fixed part of each message stands in the source, so that a reworded one is noticed."""
    code = "\n".join(path.read_text("utf-8") for path in (ROOT / "src").rglob("*.py"))
    messages = re.findall(r"(?m)^\| `([^`]+)`[^|]*\|[^|]*\|[^|]*\|$", _text(GUIDE / "troubleshooting.md"))
    assert len(messages) > 40
    parts = {m: max(re.split(r"['’]?\b(?:[A-Z]{2,}|[A-Z]|\d+)\b['’]?|…", m), key=len).strip(" ':") for m in messages}
    assert [message for message, part in parts.items() if part not in code] == []


@pytest.mark.parametrize("name", STEPS)
def test_every_step_and_field_is_documented(name: str) -> None:
    text = "\n".join(_text(page) for page in PAGES)
    assert f"| `{name}` |" in _text(GUIDE / "flows.md")
    cls = step_class(name)
    documented = set(re.findall(r"(?m)^\| `(\w+)` \|", _table_of(name, text)))
    assert documented >= set(cls.model_fields) - SHARED_FIELDS
    assert documented <= set(cls.model_fields)


def _table_of(step: str, text: str) -> str:
    """Give the table whose first column is headed ``Field of `step```."""
    match = re.search(rf"(?m)^\| Field of `{step}` \|.*\n(?:\|.*\n?)+", text)
    return match[0] if match else ""


@pytest.mark.parametrize("name", STEPS)
def test_documented_defaults_are_the_defaults(name: str) -> None:
    text = "\n".join(_text(page) for page in PAGES)
    rows = re.findall(r"(?m)^\| `(\w+)` \|.*\| ([^|]+) \|$", _table_of(name, text))
    fields = step_class(name).model_fields
    for field, said in rows:
        default = fields[field].default
        if isinstance(default, bool | int | float) and fields[field].default_factory is None:
            assert said.strip("`") == str(default).lower().removesuffix(".0") or float(said) == default
        if fields[field].is_required():
            assert said == "required"


@pytest.mark.parametrize("name", EXPORTS)
def test_every_export_is_documented(name: str) -> None:
    assert f"\n## {name}\n" in _text(GUIDE / "exports.md")
    assert export_class(name).name == name
    assert f"`{name}`" in _text(GUIDE / "reading-sets.md")


def test_every_field_of_a_line_is_documented() -> None:
    from ragset.kit.lines import sample_to_line
    from ragset.schema.samples import QAPair, Sample

    bare = Sample(id="a", scenario_id="b", payload=QAPair(question="q", answer="a"), contexts=(), evidence=())
    table = _text(GUIDE / "data-formats.md")
    assert [key for key in sample_to_line(bare) if f"| `{key}` |" not in table] == []


def test_every_question_type_is_documented() -> None:
    """Each family of the extractive writer has its row; a table's family is called ``table_cell``."""
    from ragset.kit.extractive.families import FAMILIES

    names = {family.__module__.rsplit(".", 1)[1] for family in FAMILIES}
    table = _text(GUIDE / "extractive-writer.md")
    assert [n for n in names if f"| `{'table_cell' if n == 'table' else n}` |" not in table] == []


def test_the_example_flow_is_sound() -> None:
    from ragset.flow.compile import parse_flow

    for text in re.findall(r"(?ms)^```yaml\n(.*?)^```$", "\n".join(_text(page) for page in PAGES)):
        assert parse_flow(text, "example.yaml").steps


async def test_the_plug_ins_of_the_manual_work(tmp_path: Path) -> None:
    from ragset.schema.documents import Chunk
    from ragset.schema.samples import Draw, Scenario
    from ragset.schema.step import Tools

    recipes = re.findall(r"(?ms)^```python\n(.*?)^```$", _text(GUIDE / "plug-ins.md"))
    space: dict[str, Any] = {"__name__": "recipes"}
    for recipe in recipes:
        body = [line for line in recipe.splitlines() if line.strip() and not line.startswith(("from", "import"))]
        assert len(body) <= 15
        exec(recipe, space)  # the manual's own code
    chunk = Chunk(id="c", document_id="d/a.md", version="v", title="A", text="Text.", start=0, end=5, ordinal=0)
    draw = Draw(number=0, scenario=Scenario(chunks=(chunk,)))
    made = await space["TitleQA"]().apply(draw, Tools())
    judged = await space["AnswerLength"](max_words=0).apply(made, Tools())
    assert [s.status for s in judged.samples] == ["rejected"]
    assert space["Questions"]().write(made.samples, tmp_path / "q.txt") == 1
    assert (tmp_path / "q.txt").read_text("utf-8") == "Which document is called “A”?\n"


def test_a_model_that_repeats_its_prompt_ends_as_the_manual_says(tmp_path: Path) -> None:
    from llama_index.core.llms import MockLLM

    import ragset
    from ragset.errors import ModelSetupError

    assert "with it the run ends with\n`ModelSetupError`" in _text(GUIDE / "models.md")
    where = {"indexes": tmp_path / "indexes", "embedder": "hash", "cache": tmp_path / "cache.sqlite"}
    with pytest.raises(ModelSetupError, match="none of 10 questions got a reply that can be read"):
        ragset.build([GUIDE / "models.md"], tmp_path / "run", 20, model=MockLLM(), **where)


def test_the_manual_speaks_in_whole_sentences() -> None:
    """Prose sentences name their subject: none starts with "It", "This" or "These" after a paragraph break."""
    bad = [
        f"{page.name}: {line}"
        for page in PAGES
        for line in re.findall(r"(?m)(?:\A|\n\n)((?:It|This|These|They) .*)", _outside_code(_text(page)))
    ]
    assert not bad
