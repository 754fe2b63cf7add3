"""gemma2: as Mistral."""

from adapters.mistral import check

__all__ = ["check"]
