"""The embedded corpus: everyday English and German, made by a small grammar."""

from tftransformer.data.everyday.corpus import EverydayCorpus, everyday_corpus
from tftransformer.data.everyday.nearest import nearest_neighbour

__all__ = ["EverydayCorpus", "everyday_corpus", "nearest_neighbour"]
