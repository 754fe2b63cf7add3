"""gemma: as GPT."""

from adapters.gpt import check

__all__ = ["check"]
