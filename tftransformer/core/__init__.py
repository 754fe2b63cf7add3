"""Floor 0: what everything else stands on."""

from tftransformer.core.registration import register

__all__ = ["register"]
