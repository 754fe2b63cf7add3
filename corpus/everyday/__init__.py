"""A small grammar that makes everyday English and German: what the embedded corpus comes from."""

from everyday.corpus import drawn_corpus

__all__ = ["drawn_corpus"]
