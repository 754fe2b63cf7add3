"""What the files of a model's first folder said besides, for another folder of that kind."""

from typing import Any

FURTHER = {"further_config", "generation_config"}


def take_further(copy: Any, model: Any) -> None:
    """Gives the copy of a model what its folder said besides."""
    for name in FURTHER & vars(model).keys():
        setattr(copy, name, getattr(model, name))
