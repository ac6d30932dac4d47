"""The index: sync, rebuild, refusals, search."""

import asyncio
import json
import shutil
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import chromadb
import numpy as np
import pytest
from filelock import FileLock

from ingest_driver import edition, ingest, intakes, make_text
from ragset.adapters import chroma_engine, parquet_truth
from ragset.adapters.chroma_store import Index, delete_index, list_indexes, open_index
from ragset.adapters.hash_embedder import HashEmbedder
from ragset.adapters.index_pointer import Pointer
from ragset.adapters.splitting import Strategy
from ragset.api.indexes import list_indexes as list_with_counts
from ragset.errors import (
    CorpusMismatchError,
    EmbedderMismatchError,
    IndexDamagedError,
    IndexLockedError,
    IndexMissingError,
    UsageError,
)
from ragset.schema.ports import ChunkStore
from ragset.schema.step import Tools
from ragset.sources.files import Survey
from ragset.sources.index import IndexStep
from ragset.sources.split import Split


def fresh(root: Path, name: str = "one", **options) -> Index:
    options.setdefault("embedder", HashEmbedder())
    return open_index(root, name, create=True, **options)


def truth_bytes(index: Index) -> dict[str, bytes]:
    return {p.relative_to(index.folder).as_posix(): p.read_bytes() for p in sorted(index.folder.rglob("*.parquet"))}


async def answers_for_all(index: Index) -> None:
    for document_id in index.document_ids():
        for chunk, vector in zip(index.chunks(document_id), index.vectors(document_id), strict=True):
            assert (await index.search(vector[None], 1))[0][0].chunk == chunk


async def test_sync_counts_what_changed_and_embeds_only_that(tmp_path: Path):
    index = fresh(tmp_path)
    first = await ingest(index, edition(9, 1))
    assert first["documents"] == {"added": 9, "unchanged": 0, "changed": 0, "removed": 0, "failed": []}
    assert first["chunks"]["total"] == first["chunks"]["embedded"] == index.chunk_count
    again = await ingest(index, edition(9, 1))
    assert again["documents"]["unchanged"] == 9
    assert again["chunks"]["embedded"] == 0
    old = {c.id for key in index.document_ids() for c in index.chunks(key)}
    second = await ingest(index, edition(9, 2))
    assert second["documents"] == {"added": 1, "unchanged": 5, "changed": 3, "removed": 1, "failed": []}
    new = {c.id for key in index.document_ids() for c in index.chunks(key)}
    assert second["chunks"] == {"total": len(new), "embedded": len(new - old)}
    assert isinstance(index, ChunkStore)
    await answers_for_all(index)
    other = fresh(tmp_path, "two")
    await ingest(other, edition(9, 2))
    assert truth_bytes(other) == truth_bytes(index)
    assert other.version == index.version


async def test_rename_and_two_corpora(tmp_path: Path):
    index = fresh(tmp_path)
    await ingest(index, {"a.txt": make_text(1), "b.txt": make_text(2)})
    await ingest(index, {"a.txt": make_text(1)}, corpus="other")
    assert index.document_ids() == ["c/a.txt", "c/b.txt", "other/a.txt"]
    done = await ingest(index, {"z.txt": make_text(1), "b.txt": make_text(2)})
    assert done["documents"] == {"added": 1, "unchanged": 1, "changed": 0, "removed": 1, "failed": []}
    assert index.document_ids() == ["c/b.txt", "c/z.txt", "other/a.txt"]
    assert index.summary()["corpora"] == {
        "c": {"root": "/c", "documents": 2},
        "other": {"root": "/other", "documents": 1},
    }
    with pytest.raises(CorpusMismatchError, match="already comes from /c"), index.writing({"c": "/elsewhere"}):
        pass


async def test_a_file_that_fails_keeps_its_old_version(tmp_path: Path):
    index = fresh(tmp_path)
    await ingest(index, {"a.txt": make_text(1), "b.txt": make_text(2)})
    before = index.document("c/a.txt")
    done = await ingest(index, {"a.txt": None, "b.txt": make_text(2)})
    assert done["documents"]["failed"] == [{"path": "a.txt", "reason": "broken"}]
    assert done["documents"]["removed"] == 0
    assert index.document("c/a.txt") == before


async def test_a_corpus_listed_in_part_loses_nothing(tmp_path: Path):
    index = fresh(tmp_path)
    await ingest(index, {"a.txt": make_text(1), "b.txt": make_text(2)})
    with index.writing({"c": "/c"}, complete=()):
        assert index.gone({"c/a.txt"}) == frozenset()


async def test_what_is_spared_stays(tmp_path: Path):
    index = fresh(tmp_path)
    await ingest(index, {name: make_text(1) for name in ("a.txt", "b.txt", "sub/c.txt", "subway.txt")})
    with index.writing({"c": "/c"}, spared={"c/b.txt", "c/sub/"}):
        assert index.gone({"c/a.txt"}) == {"c/subway.txt"}
    with index.writing({"c": "/c"}, spared={"c/"}):
        assert index.gone(()) == frozenset()
    with index.writing({"c": "/c"}):
        assert len(index.gone(())) == 4


async def test_failed_paths_name_the_corpus_where_there_are_several(tmp_path: Path):
    index = fresh(tmp_path)
    for corpora, path in (({"c": "/c"}, "a.txt"), ({"c": "/c", "d": "/d"}, "c/a.txt")):
        with index.writing(corpora):
            folding = IndexStep().begin(Tools(extras={"index": index, "survey": Survey(corpora=corpora)}))
            for item in intakes({"a.txt": None}, {}):
                folding.feed(item, None)
        assert folding.failed == [{"path": path, "reason": "broken"}]


async def test_a_cancelled_ingest_holds_the_lock_until_all_is_published(tmp_path: Path):
    index = fresh(tmp_path)
    real, locked = index.publish, []

    def publish(gone):
        loop.call_soon_threadsafe(task.cancel)
        time.sleep(0.2)
        with pytest.raises(IndexLockedError), open_index(tmp_path, "one").writing({}):
            pass
        locked.append(True)
        real(gone)

    index.publish = publish  # type: ignore[method-assign]
    loop = asyncio.get_running_loop()
    task = asyncio.create_task(ingest(index, {"a.txt": make_text(1)}))
    await asyncio.wait([task])
    assert locked == [True]
    assert open_index(tmp_path, "one").document_ids() == ["c/a.txt"]


async def test_another_split_cuts_and_embeds_again_though_files_are_the_same(tmp_path: Path):
    index = fresh(tmp_path)
    texts = {"a.txt": make_text(1), "b.txt": make_text(2)}
    await ingest(index, texts)
    done = await ingest(index, texts, split=Split(max_tokens=60))
    assert done["documents"]["changed"] == 2
    assert max(index.embedder.count_tokens(c.text) for c in index.chunks("c/a.txt")) <= 60
    by_words = Split(max_tokens=60, strategies={"c/a.txt": Strategy(max_words=20)})
    done = await ingest(index, texts, split=by_words)
    assert (done["documents"]["changed"], done["documents"]["unchanged"]) == (1, 1)
    assert (await ingest(index, texts, split=by_words))["documents"]["unchanged"] == 2
    await answers_for_all(index)


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _zero(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    for at in range(len(data) // 3, len(data), max(1, len(data) // 50)):
        data[at] ^= 0xFF
    path.write_bytes(bytes(data))


@pytest.mark.parametrize("harm", [_truncate, _zero, _flip, Path.unlink])
@pytest.mark.parametrize("pattern", ["chroma/chroma.sqlite3", "chroma/*/header.bin", "chroma.json"])
async def test_damaged_chroma_is_rebuilt_without_embedding(tmp_path: Path, harm, pattern: str):
    index = fresh(tmp_path)
    await ingest(index, edition(3, 1))
    index.close()
    (path,) = index.folder.glob(pattern)
    harm(path)
    said: list[str] = []
    embedder = HashEmbedder()
    again = open_index(tmp_path, "one", embedder=embedder, say=said.append)
    await answers_for_all(again)
    assert embedder.embedded == 0
    assert said == ["index 'one': rebuilding Chroma from the stored vectors"]
    again.close()


async def test_a_damaged_graph_file_never_reaches_chroma(tmp_path: Path):
    index = fresh(tmp_path)
    # Above a thousand rows Chroma writes its graph to files; a broken pickle there ends every later call.
    done = await ingest(index, {"a.txt": make_text(1, 200)}, split=Split(max_tokens=12))
    assert done["chunks"]["total"] > 1000
    index.close()
    (path,) = index.folder.glob("chroma/*/index_metadata.pickle")
    _truncate(path)
    again = open_index(tmp_path, "one", embedder=HashEmbedder())
    for chunk, vector in list(zip(again.chunks("c/a.txt"), again.vectors("c/a.txt"), strict=True))[::20]:
        assert chunk in [hit.chunk for hit in (await again.search(vector[None], 10))[0]]
    again.close()


async def test_missing_or_foreign_chroma_is_made_and_a_clean_one_is_left(tmp_path: Path):
    index = fresh(tmp_path)
    await ingest(index, edition(3, 1))
    await answers_for_all(index)
    index.close()
    said: list[str] = []
    again = open_index(tmp_path, "one", embedder=HashEmbedder(), say=said.append)
    await answers_for_all(again)
    again.close()
    assert said == []
    shutil.rmtree(index.folder / "chroma")
    await answers_for_all(again)
    again.close()
    marker = json.loads((index.folder / "chroma.json").read_text())
    (index.folder / "chroma.json").write_text(json.dumps(marker | {"chroma": "0.4"}))
    await answers_for_all(again)
    assert json.loads((index.folder / "chroma.json").read_text())["chroma"] != "0.4"
    again.close()


async def test_one_writer_at_a_time(tmp_path: Path):
    index = fresh(tmp_path)
    await ingest(index, edition(3, 1))
    with FileLock(index.folder / "lock"), pytest.raises(IndexLockedError, match="index 'one'"):
        await ingest(open_index(tmp_path, "one", embedder=HashEmbedder()), edition(3, 2))


async def test_another_embedder_is_refused(tmp_path: Path):
    await ingest(fresh(tmp_path), {"a.txt": make_text(1)})
    with pytest.raises(EmbedderMismatchError, match="was embedded with 'hash'"):
        open_index(tmp_path, "one", embedder=HashEmbedder(dimension=32))
    assert open_index(tmp_path, "one").embedder.name == "hash"


async def test_reading_needs_no_model(tmp_path: Path):
    index = fresh(tmp_path)
    await ingest(index, {"a.txt": make_text(1)})
    about = json.loads((index.folder / "index.json").read_text())
    about["embedder"] |= {"name": str(tmp_path / "no model"), "fingerprint": "other"}
    (index.folder / "index.json").write_text(json.dumps(about))
    again = open_index(tmp_path, "one")
    assert again.document("c/a.txt") == index.document("c/a.txt")
    assert again.summary()["documents"] == 1
    with pytest.raises(UsageError):
        _ = again.embedder
    with pytest.raises(UsageError), again.writing({}):
        pass


async def test_a_broken_index_is_listed_with_its_reason(tmp_path: Path):
    for name in ("one", "two"):
        await ingest(fresh(tmp_path, name), {"a.txt": make_text(1)})
    for text in ("", "[]", "{}", '{"format": 1}', '{"format": 1, "name": "one", "corpora": [], "data": 3}'):
        (tmp_path / "one" / "index.json").write_text(text)
        broken, whole = list_with_counts(tmp_path)
        assert (broken["name"], broken["documents"]) == ("one", 0)
        assert "delete the index" in broken["problem"]
        assert whole["documents"] == 1
        assert "problem" not in whole


async def test_a_reader_follows_a_writer_that_publishes_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    index = fresh(tmp_path)
    await ingest(index, {"a.txt": make_text(1)})
    old = Pointer.read(index.folder)
    await ingest(index, {"b.txt": make_text(2)})
    real, answers = Pointer.read, [old]
    monkeypatch.setattr(Pointer, "read", lambda folder: answers.pop() if answers else real(folder))
    assert open_index(tmp_path, "one").document_ids() == ["c/b.txt"]
    assert not answers


async def test_of_two_creators_the_later_one_wipes_nothing(tmp_path: Path):
    folder = tmp_path / "one"
    folder.mkdir()
    lock = FileLock(folder / "lock")
    lock.acquire()
    late = threading.Thread(target=fresh, args=(tmp_path,))
    late.start()
    time.sleep(0.1)
    pointer = Pointer("one", corpora={"c": "/c"})
    pointer.write(folder)
    lock.release()
    late.join()
    assert Pointer.read(folder) == pointer
    (folder / "index.json").unlink()
    with lock, pytest.raises(IndexLockedError):
        fresh(tmp_path)


async def test_list_show_delete_and_names(tmp_path: Path):
    with pytest.raises(IndexMissingError):
        open_index(tmp_path, "none")
    for name in ("one", "two"):
        await ingest(fresh(tmp_path, name), {"a.txt": make_text(1)})
    assert list_indexes(tmp_path) == ["one", "two"]
    with pytest.raises(IndexMissingError, match="did you mean 'two'"):
        open_index(tmp_path, "twoo")
    delete_index(tmp_path, "two")
    assert list_indexes(tmp_path) == ["one"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["one"]
    assert fresh(tmp_path, "a").name == "a"
    for bad in ("../up", "a..b", "a/b", "x" * 64, ""):
        with pytest.raises(UsageError):
            open_index(tmp_path, bad, create=True)


async def test_damaged_truth_is_said_in_one_line(tmp_path: Path):
    index = fresh(tmp_path)
    await ingest(index, {"a.txt": make_text(1)})
    (path,) = index.folder.glob("data/*/chunks.parquet")
    _truncate(path)
    with pytest.raises(IndexDamagedError, match="delete the index"):
        open_index(tmp_path, "one", embedder=HashEmbedder())


async def test_search_is_exact_ordered_and_complete(tmp_path: Path):
    index = fresh(tmp_path)
    await ingest(index, edition(20, 1) | {"twin.txt": make_text(3)})
    queries = await index.embedder.embed(["lantern by the winter river", "an orchard"])
    query = queries[0]
    (hits,) = await index.search(queries[:1], 10)
    assert (await index.search(queries[::-1], 10))[1] == hits  # whatever else is searched for
    every = np.concatenate([index.vectors(key) for key in index.document_ids()]) @ query
    assert [h.score for h in hits] == pytest.approx(sorted(every.tolist(), reverse=True)[:10], abs=2e-6)
    order = [(-h.score, h.chunk.id) for h in (await index.search(queries, 10_000))[0]]
    assert order == sorted(order)
    assert len(order) == index.chunk_count
    assert index.chunk(hits[0].chunk.id) == hits[0].chunk
    assert index.chunk("none") is index.document("none") is None


async def test_what_is_remembered_is_bounded_and_safe_to_ask_for_from_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    index = fresh(tmp_path)
    await ingest(index, edition(20, 1))
    monkeypatch.setattr(parquet_truth, "KEPT", 3)
    monkeypatch.setattr(parquet_truth, "REMEMBERED", 3)
    names = index.document_ids()
    wanted = {name: (index.document(name), index.chunks(name)) for name in names}
    index.data._read.clear()

    def look(first: int) -> None:
        for turn in range(150):
            name = names[(first + turn) % len(names)]
            document, chunks = wanted[name]
            assert index.document(name) == document
            assert [index.chunk(chunk.id) for chunk in chunks[:3]] == chunks[:3]

    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(look, range(8)))
    finally:
        sys.setswitchinterval(usual)
    assert len(index.data._parsed) == 3
    assert len(index.data._read) == 3
    monkeypatch.setattr(parquet_truth, "KEPT_TEXT", 1)
    assert index.document(names[0]) is index.document(names[0])
    assert len(index.data._parsed) == 1


async def test_empty_index_answers_nothing(tmp_path: Path):
    index = fresh(tmp_path)
    assert await index.search(np.ones((2, 256), dtype=np.float32), 3) == [[], []]
    done = await ingest(index, {})
    assert done["chunks"] == {"total": 0, "embedded": 0}
    await ingest(index, {"a.txt": make_text(1)})
    assert (await ingest(index, {}))["documents"]["removed"] == 1
    assert await index.search(np.ones((2, 256), dtype=np.float32), 3) == [[], []]


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@pytest.fixture
def server(tmp_path: Path):
    port = _free_port()
    command = [Path(sys.executable).parent / "chroma", "run", "--path", tmp_path / "served", "--host", "127.0.0.1"]
    process = subprocess.Popen(
        [*map(str, command), "--port", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", port), timeout=0.2).close()
                break
            except OSError:
                time.sleep(0.1)
        else:
            pytest.skip("chroma run did not answer within 10 s")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


async def test_a_chroma_server_in_place_of_a_folder(tmp_path: Path, server: str):
    index = fresh(tmp_path, server=server)
    await ingest(index, edition(6, 1))
    await ingest(index, edition(6, 2))
    await answers_for_all(index)
    assert not (index.folder / "chroma").exists()
    index.engine.forget()
    again = open_index(tmp_path, "one", embedder=HashEmbedder(), server=server)
    await answers_for_all(again)
    again.close()
    index.close()


async def test_a_stale_reader_answers_from_its_own_state_and_writes_nothing(tmp_path: Path):
    index = fresh(tmp_path)
    await ingest(index, edition(6, 1))
    index.close()
    stale, warm = fresh(tmp_path), fresh(tmp_path)
    await answers_for_all(warm)
    await ingest(index, edition(6, 2))
    marker = (index.folder / "chroma.json").read_bytes()
    for reader in (stale, warm):
        await answers_for_all(reader)
        with pytest.raises(IndexLockedError, match="changed it meanwhile"):
            reader.rebuild()
    assert (index.folder / "chroma.json").read_bytes() == marker
    await answers_for_all(index)
    for each in (stale, warm, index):
        each.close()


async def test_a_search_while_the_lock_is_busy_and_chroma_is_gone(tmp_path: Path):
    index = fresh(tmp_path)
    await ingest(index, edition(4, 1))
    index.close()
    shutil.rmtree(index.folder / "chroma")
    with FileLock(index.folder / "lock"):
        await answers_for_all(index)
        assert not (index.folder / "chroma").exists()
    await answers_for_all(index)
    assert (index.folder / "chroma").exists()
    index.close()


@pytest.mark.parametrize("address", ["http://me:secret@host", "http://host/x", "host:1", "http://host:x", "http://h?a"])
def test_an_address_that_is_more_than_a_server_is_refused(tmp_path: Path, address: str):
    with pytest.raises(UsageError, match="address of a Chroma server") as caught:
        fresh(tmp_path, server=address)
    assert "secret" not in str(caught.value)


async def test_two_installations_share_a_server(tmp_path: Path, server: str):
    mine, theirs = (fresh(tmp_path / who, server=server) for who in ("mine", "theirs"))
    await ingest(mine, edition(4, 1))
    await ingest(theirs, edition(4, 2))
    assert mine.engine.query(mine.vectors("c/d01.txt")[:1], 1)[0][0][0] == mine.chunks("c/d01.txt")[0].id
    await answers_for_all(mine)
    # What the collection says of its vectors decides, not its number of rows.
    collection = mine.engine._open()
    collection.modify(metadata=collection.metadata | {"ragset_embedder": "another"})
    said: list[str] = []
    again = fresh(tmp_path / "mine", server=server, say=said.append)
    await answers_for_all(again)
    assert len(said) == 1
    assert "rebuilding the collection" in said[0]
    for each in (mine, theirs, again):
        each.close()


async def test_many_near_vectors_are_no_fault_of_chroma_and_other_ones_are() -> None:
    # Among equally near ones a graph search misses the very vector it looks for; a census must not take that for loss.
    texts = [f"The record number {n} of the depot is kept in the grey cabinet beside the door." for n in range(1200)]
    rows: Any = SimpleNamespace(ids=[str(n) for n in range(1200)], vectors=await HashEmbedder().embed(texts))
    collection: Any = chromadb.EphemeralClient().create_collection(
        "near", embedding_function=None, configuration={"hnsw": chroma_engine._HNSW}
    )
    collection.add(ids=rows.ids, embeddings=rows.vectors)
    found = collection.query(query_embeddings=rows.vectors[::10], n_results=1, include=["distances"])["distances"]
    assert any(row[0] > 1e-3 for row in found)
    assert chroma_engine._fault(collection, rows) == ""
    rows.vectors = rows.vectors[::-1]
    assert "is another one" in chroma_engine._fault(collection, rows)
    collection.delete(ids=["0"])
    assert chroma_engine._fault(collection, rows) == "1199 ids for 1200 chunks"
