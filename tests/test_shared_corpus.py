"""The main job on real documents with the packaged model; the three longest are left out for the sake of time."""

import shutil
from pathlib import Path

import ragset

LONG = ("irs_1040nr_instructions.pdf", "doj_ch13_trustee_handbook.docx", "winter_sports_in_switzerland.epub")


def test_real_documents_give_the_order_from_all_of_them_and_the_same_bytes_twice(shared: Path, tmp_path: Path):
    corpus = tmp_path / "corpus"
    shutil.copytree(shared / "data/corpus", corpus, ignore=shutil.ignore_patterns(*LONG))
    options = {"indexes": tmp_path / "indexes"}
    one = ragset.build(corpus, tmp_path / "one", 21, **options)
    two = ragset.build(corpus, tmp_path / "two", 21, **options)
    assert (one.folder / "kept.jsonl").read_bytes() == (two.folder / "kept.jsonl").read_bytes()
    assert len(one.kept) == 21
    assert len({sample.contexts[0].document_id for sample in one.kept}) >= 6
    assert ragset.verify(one.kept, "corpus", indexes=tmp_path / "indexes").ok
    (corpus / "kites.md").write_text("# Kites\n\nA kite is a light frame that flies on a long line.\n", "utf-8")
    more = ragset.build(corpus, tmp_path / "more", 21, **options)
    before = {sample.id for sample in one.kept}
    assert len(before & {sample.id for sample in more.kept}) >= 0.8 * len(before)
