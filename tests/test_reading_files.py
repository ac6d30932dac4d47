"""The source meets every file once; links, pipes and odd names are failures with a reason, never opened."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ragset.errors import CorpusMismatchError, UsageError
from ragset.schema.step import Tools
from ragset.sources.files import Files, survey


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
    assert sum(f.path == "caf\u00e9.md" for f in found.files) == 1
    assert not any("loop" in f.path for f in found.files)


async def test_draws_carry_the_failures(tmp_path: Path) -> None:
    items = [item async for item in Files(sources=(str(tree(tmp_path)),)).draws(Tools())]
    assert [item.number for item in items] == [0, 1, 2, 3]
    assert [item.failure.error if item.failure else "" for item in items] == ["", "", "unsupported", ""]
