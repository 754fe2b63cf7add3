"""Further settings from the folder that a model was read from, to be written again."""

from typing import Any

FURTHER = {"further_config", "generation_config"}


def take_further(copy: Any, model: Any) -> None:
    """Gives the copy of a model the further settings of its folder."""
    for name in FURTHER & vars(model).keys():
        setattr(copy, name, getattr(model, name))
