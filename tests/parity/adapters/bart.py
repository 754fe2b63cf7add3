"""BART: our outputs and losses under the reference's names, as T5's."""

from adapters.t5 import check

__all__ = ["check"]
