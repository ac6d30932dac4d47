"""What tests share: small nouns made by hand, and the folder of measuring data when it is there."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ragset.schema.documents import Chunk
from ragset.schema.samples import Context, Evidence, QAPair, Sample
from support.scripted_server import ModelServer


@pytest.fixture
def shared() -> Path:
    folder = Path(__file__).resolve().parents[2] / "shared"
    if not folder.is_dir():
        pytest.skip("shared/ is not here: the data for measuring lies beside the repository")
    return folder


def make_chunk(at: int = 0, document: str = "c/d.md", text: str | None = None) -> Chunk:
    text = text or f"Chunk {at} of {document}."
    return Chunk(
        id=Chunk.make_id(document, text, 0),
        document_id=document,
        version="v1",
        title="D",
        text=text,
        start=0,
        end=len(text),
        ordinal=at,
    )


def make_sample(at: int = 0, question: str = "", chunk: Chunk | None = None) -> Sample:
    chunk = chunk or make_chunk(at)
    return Sample(
        id=f"s{at}",
        scenario_id=f"x{at}",
        payload=QAPair(question=question or f"What is thing {at}?", answer=chunk.text),
        contexts=(Context.of(chunk),),
        evidence=(
            Evidence(document_id=chunk.document_id, version="v1", start=0, end=len(chunk.text), quote=chunk.text),
        ),
    )


@pytest.fixture
def model_server() -> Iterator[ModelServer]:
    """Serve a scripted model on the loopback interface, in a thread; see ``support.scripted_server``."""
    with ModelServer() as server:
        yield server
