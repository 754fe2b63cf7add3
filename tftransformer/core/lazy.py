"""Names that are imported when they are first used."""

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any


def lazy_names(
    namespace: dict[str, Any], homes: Mapping[str, Sequence[str]]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Makes the `__getattr__` and `__dir__` of a module (PEP 562).

    Args:
        namespace: the module's `globals()`.
        homes: for each submodule the public names it holds, those of its own submodules included;
            for the module itself the names of its submodules.

    Example:
        >>> __getattr__, __dir__ = lazy_names(globals(), {"tftransformer.tasks": ["Translator"]})
    """
    home_of = {name: home for home, names in homes.items() for name in names}

    def getattribute(name: str) -> Any:
        if name not in home_of:
            raise AttributeError(f"module {namespace['__name__']!r} has no attribute {name!r}")
        if home_of[name] == namespace["__name__"]:
            return importlib.import_module(f"{home_of[name]}.{name}")  # sets the attribute, too
        home = importlib.import_module(home_of[name])
        if hasattr(home, name):
            namespace[name] = getattr(home, name)
        else:
            namespace[name] = importlib.import_module(f"{home_of[name]}.{name}")
        return namespace[name]

    def directory() -> list[str]:
        return sorted({*namespace, *home_of})

    return getattribute, directory
