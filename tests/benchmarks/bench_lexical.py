"""Time and memory of lexical search over many chunks: 10,000 and 100,000 made of words with Zipf's frequencies."""

import resource
import sys
import time

import numpy as np

from ragset.adapters.lexical_index import LexicalIndex
from ragset.kit.retrieving import terms

WORDS, VOCABULARY = 130, 60_000
SIZES = [int(size) for size in sys.argv[1:]] or [10_000, 100_000]


def text(random: np.random.Generator, words: int) -> str:
    ranks = np.minimum(random.zipf(1.25, words), VOCABULARY)
    return " ".join(f"word{rank}" for rank in ranks)


for size in SIZES:
    random = np.random.default_rng(0)
    texts = [text(random, WORDS) for _ in range(size)]
    began = time.perf_counter()
    cut = (terms(one) for one in texts)
    index = LexicalIndex(cut)
    built = time.perf_counter() - began
    queries = [terms(text(random, 10)) for _ in range(200)]
    began = time.perf_counter()
    hits = sum(len(index.best(query, 10)) for query in queries)
    each = (time.perf_counter() - began) / len(queries)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{size} chunks: built in {built:.1f} s, {1000 * each:.1f} ms a query ({hits} hits), peak {peak:.0f} MB")
