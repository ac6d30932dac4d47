"""What is refused is refused in one line, in the order of its causes, before anything is made, replaced or paid."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from support.runs import stand_alone
from test_cli import ALMANAC, Place, refused, run


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("refusals"))


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stand_alone(monkeypatch, tmp_path)


DOC = "steps:\n- scenarios: {question_types: [fact]}\n- rag_qa\n- evidence\n- keep: {n: 4}\n"


def disk(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != ".lock"}


@pytest.mark.parametrize("force", [(), ("--force",)])
def test_a_forgotten_model_is_refused_before_anything_of_the_old_run_is_touched(
    place: Place, tmp_path: Path, force: tuple[str, ...]
) -> None:
    flow = tmp_path / "doc.yaml"
    flow.write_text(DOC)
    before = disk(place.folder)
    line = refused(place.build(place.out, 4, "--flow", flow, "-q", *force))
    assert line.startswith("scenarios: question types need a model that writes; name one with --model")
    assert disk(place.folder) == before
    indexes = ("--indexes", tmp_path / "indexes")
    assert "question types" in refused(
        run("build", place.corpus, "--out", tmp_path / "o", "--flow", flow, "-q", *indexes)
    )
    assert list(tmp_path.iterdir()) == [flow], "a refused command leaves nothing behind"


def test_a_forced_replay_without_replies_leaves_the_old_run_and_claims_no_folder(place: Place, tmp_path: Path) -> None:
    shutil.copytree(place.out, tmp_path / "out")
    before = disk(tmp_path / "out")
    model = ("--model", "compatible:nobody", "--base-url", "http://127.0.0.1:9", "--replay", "-q")
    cache = ("--cache", tmp_path / "replies.sqlite")
    for out in (tmp_path / "out", tmp_path / "fresh"):
        assert "no reply in the cache" in refused(place.build(out, 4, "--force", *model, *cache))
    assert disk(tmp_path / "out") == before
    assert place.build(tmp_path / "fresh", 2, "-q").exit_code == 0


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--model", "gpt-x"), "gpt-x: names no provider"),
        (("--model", "openai:gpt-4.1", "--base-url", "nowhere"), "base_url"),
        (("--prices", "none.yaml"), "no such file of prices"),
        (("--model", "compatible:x", "--base-url", "http://127.0.0.1:9", "--max-cost", 1), "no price is known for"),
    ],
)
def test_what_is_wrong_with_models_is_said_before_the_folder(
    place: Place, tmp_path: Path, args: tuple[object, ...], said: str
) -> None:
    cache = tmp_path / "replies.sqlite"
    line = refused(place.build(place.out, 4, "-q", "--seed", 7, "--cache", cache, *args))
    assert said in line
    assert "--force" not in line
    assert not cache.exists()


@pytest.mark.parametrize(
    ("names", "more", "said"),
    [
        ((), (), "holds no file that can be read; name another source; supported: md, rst,"),
        (("a.xyz", "b.xyz", ".c"), (), "(2 × the suffix .xyz is not supported, 1 × hidden, or ragset's own); name"),
        (
            ("a.md", "b.md"),
            ("--include", "*.rst"),
            "(2 × left out by include or exclude); correct --include and --exclude",
        ),
    ],
)
def test_sources_without_a_file_are_refused_before_anything_is_made(
    tmp_path: Path, names: tuple[str, ...], more: tuple[str, ...], said: str
) -> None:
    source, indexes = tmp_path / "empty", tmp_path / "indexes"
    source.mkdir()
    for name in names:
        (source / name).write_text("# Kites\n\nA kite is a light frame that flies on a line.\n")
    common = (source, "--indexes", indexes, "--embedder", "hash", "-q", *more)
    for args in (("build", "--out", tmp_path / "out"), ("ingest", "--index", "new"), ("estimate",)):
        line = refused(run(*args, *common))
        assert line.startswith(f"{source}: holds no file that can be read")
        assert said in line
    assert list(tmp_path.iterdir()) == [source]


def test_a_folder_that_became_empty_empties_its_index_and_gives_no_set(tmp_path: Path) -> None:
    source, common = tmp_path / "docs", ("--indexes", tmp_path / "indexes", "--embedder", "hash", "-q")
    source.mkdir()
    (source / "burns.md").write_text((ALMANAC / "burns.md").read_text("utf-8"), "utf-8")
    assert run("ingest", source, "--index", "docs", *common).exit_code == 0
    (source / "burns.md").unlink()
    assert "no file" in refused(run("build", source, "--out", tmp_path / "out", *common))
    result = run("ingest", source, "--index", "docs", "--json", *common)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["documents"]["removed"] == 1
    (tmp_path / "other").mkdir()
    assert "no file" in refused(run("ingest", tmp_path / "other", "--index", "docs", *common))
