"""The source meets every file once; links, pipes and odd names are failures with a reason, never opened."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ragset.errors import CorpusMismatchError, UsageError
from ragset.schema.step import Tools
from ragset.sources.files import Files, Survey, survey


def tree(root: Path) -> Path:
    corpus = root / "docs"
    for name in ("a.md", "sub/b.txt", "sub/c.bin", ".hidden.md", ".git/config.txt", "MANIFEST.json", "sub/draft.md"):
        path = corpus / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("text")
    return corpus


def test_survey_lists_sorts_and_counts(tmp_path: Path) -> None:
    found = survey([str(tree(tmp_path))], exclude=["draft*"])
    assert [f.document_id for f in found.files] == ["docs/a.md", "docs/sub/b.txt", "docs/sub/c.bin"]
    assert found.skipped == 4
    assert found.problems["docs/sub/c.bin"].error == "unsupported"
    assert "supported: md" in found.problems["docs/sub/c.bin"].message
    assert found.corpora == {"docs": str(tmp_path / "docs")}
    assert found.whole == {"docs"}


def test_globs(tmp_path: Path) -> None:
    docs = str(tree(tmp_path))
    assert [f.path for f in survey([docs], include=["sub/**"]).files] == ["sub/b.txt", "sub/c.bin", "sub/draft.md"]
    assert [f.path for f in survey([docs], include=["**/*.md"]).files] == ["a.md", "sub/draft.md"]


def test_names_and_single_files(tmp_path: Path) -> None:
    docs = tree(tmp_path)
    found = survey([f"kb={docs}"])
    assert found.files[0].document_id == "kb/a.md"
    single = survey([str(docs / "a.md")])
    assert [f.document_id for f in single.files] == ["docs/a.md"]
    assert single.whole == frozenset()
    other = tmp_path / "other" / "docs"
    other.mkdir(parents=True)
    with pytest.raises(CorpusMismatchError, match="rename one"):
        survey([str(docs), str(other)])
    with pytest.raises(UsageError, match="did you mean 'docs'"):
        survey([str(tmp_path / "doks")])


def test_links_pipes_and_twins(tmp_path: Path) -> None:
    docs = tree(tmp_path)
    outside = tmp_path / "secret.txt"
    outside.write_text("secret")
    (docs / "out.txt").symlink_to(outside)
    (docs / "dangling.txt").symlink_to(docs / "nothing.txt")
    (docs / "inner.txt").symlink_to(docs / "sub" / "b.txt")
    (docs / "loop").symlink_to(docs)
    (docs / "away").symlink_to(tmp_path)
    os.mkfifo(docs / "pipe.txt")
    (docs / "caf\u00e9.md").write_text("one")
    (docs / "cafe\u0301.md").write_text("two")
    found = survey([str(docs)])
    errors = {key.removeprefix("docs/"): failure.error for key, failure in found.problems.items()}
    assert errors["out.txt"] == errors["dangling.txt"] == errors["away"] == "link"
    assert errors["pipe.txt"] == "irregular"
    assert errors["caf\u00e9.md"] == "duplicate"
    assert "inner.txt" not in errors
    assert sum(f.path == "caf\u00e9.md" for f in found.files) == 2
    assert not any("loop" in f.path for f in found.files)


async def test_draws_carry_the_failures(tmp_path: Path) -> None:
    items = [item async for item in Files(sources=(str(tree(tmp_path)),)).draws(Tools())]
    assert [item.number for item in items] == [0, 1, 2, 3]
    assert [item.failure.error if item.failure else "" for item in items] == ["", "", "unsupported", ""]


def refuse(monkeypatch: pytest.MonkeyPatch, function: str, *paths: Path) -> None:
    """Take away the permission: root, as whom tests may run, has every one."""
    real, refused = getattr(os, function), {str(path) for path in paths}

    def guarded(path: str | Path, *args: object, **kwargs: object) -> object:
        if str(path) in refused:
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, *args, **kwargs)

    monkeypatch.setattr(os, function, guarded)


def test_a_folder_that_cannot_be_listed_is_a_failure_and_spares_what_is_below(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docs = tree(tmp_path)
    refuse(monkeypatch, "scandir", docs / "sub")
    found = survey([str(docs)])
    assert [f.document_id for f in found.files] == ["docs/a.md", "docs/sub"]
    assert found.problems["docs/sub"].error == "folder"
    assert found.unlisted == {"docs/sub/"}
    refuse(monkeypatch, "scandir", docs)
    assert survey([str(docs)]).unlisted == {"docs/"}


def test_what_is_out_of_reach_or_gone_is_that_files_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    docs = tree(tmp_path)
    (docs / "link.md").symlink_to(docs / "sub" / "b.txt")
    refuse(monkeypatch, "stat", docs / "link.md")
    real = os.scandir

    def vanishing(path: str | Path) -> list[os.DirEntry[str]]:
        with real(path) as entries:
            listed = list(entries)
        (docs / "a.md").unlink(missing_ok=True)
        return listed

    monkeypatch.setattr(os, "scandir", vanishing)
    found = survey([str(docs)])
    assert found.problems["docs/link.md"].error == "link"
    assert "Permission denied" in found.problems["docs/link.md"].message
    assert found.problems["docs/a.md"].error == "unreadable"
    assert "docs/sub/b.txt" not in found.problems


def test_a_source_out_of_reach_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    docs = tree(tmp_path)
    refuse(monkeypatch, "stat", docs)
    with pytest.raises(UsageError, match="cannot be opened"):
        survey([str(docs)])


def test_runs_indexes_and_folders_apart_are_no_part_of_a_corpus(tmp_path: Path) -> None:
    docs = tree(tmp_path)
    ours = ("run/flow.yaml", "run/journal.sqlite", "indexes/one/index.json", "indexes/one/lock", "out/kept.jsonl")
    for name in (*ours, "indexes/one/data/x/chunks.json", "site/index.json", "site/data/page.md"):
        (docs / name).parent.mkdir(parents=True, exist_ok=True)
        (docs / name).write_text("{}")
    before = survey([str(docs)], exclude=["sub/*"])
    assert [f.path for f in before.files] == ["a.md", "out/kept.jsonl", "site/data/page.md", "site/index.json"]
    found = survey([str(docs)], apart=[docs / "out", docs / "not there", docs])
    assert [f.path for f in found.files if f.path.startswith(("out", "run", "indexes"))] == []
    assert found.skipped == 3 + 3
    assert survey([str(docs / "run")]).files != ()


def test_what_a_pattern_leaves_out_is_met(tmp_path: Path) -> None:
    docs = str(tree(tmp_path))
    assert survey([docs], include=["*.md"]).unlisted == {"docs/sub/b.txt", "docs/sub/c.bin"}
    assert survey([docs], exclude=["a.md"]).unlisted == {"docs/a.md"}
    assert survey([docs]).unlisted == frozenset()


async def test_both_twins_fail_whatever_their_names_are_made_of(tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    for name in (b"caf\xc3\xa9.md", b"cafe\xcc\x81.md", b"\xfe.md", b"\xff.md"):
        Path(os.fsdecode(os.fsencode(docs) + b"/" + name)).write_text("text")
    items = [item async for item in Files(sources=(str(docs), str(docs))).draws(Tools())]
    assert [item.failure and item.failure.error for item in items] == ["duplicate", "duplicate", "name", "name"]


async def test_a_survey_that_was_made_is_not_made_again(tmp_path: Path) -> None:
    found = survey([str(tree(tmp_path))], include=["a.md"])
    items = [i async for i in Files(sources=("not there",)).draws(Tools(extras={"survey": found}))]
    assert isinstance(found, Survey)
    assert [item.file for item in items] == list(found.files)
