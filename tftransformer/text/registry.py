"""register: lets saved tokenizers name a class."""

from typing import TypeVar

from tftransformer.text.tokenizer import CLASSES, Tokenizer

T = TypeVar("T", bound=type)


def register(tokenizer_class: T) -> T:
    """Class decorator that lets your own tokenizer be loaded again.

    The class must be imported before a saved tokenizer is loaded; nothing is imported by name.

    Args:
        tokenizer_class: subclass of `Tokenizer` with a name that no other registered class has.

    Raises:
        TypeError: it is not a subclass of `Tokenizer`, or lacks a required method.
        ValueError: another class of this name is registered.

    Example:

    >>> @tt.text.register
    ... class MyWordPieceTokenizer(tt.text.WordPieceTokenizer):
    ...     pass
    """
    if not (isinstance(tokenizer_class, type) and issubclass(tokenizer_class, Tokenizer)):
        raise TypeError(f"register takes a subclass of Tokenizer, got {tokenizer_class!r}")
    if missing := sorted(tokenizer_class.__abstractmethods__):
        raise TypeError(f"{tokenizer_class.__name__} lacks {', '.join(missing)}")
    known = CLASSES.setdefault(tokenizer_class.__name__, tokenizer_class)
    if _place(known) != _place(tokenizer_class):
        raise ValueError(
            f"a tokenizer class named {known.__name__!r} is registered already "
            f"({'.'.join(_place(known))}); give yours another name"
        )
    CLASSES[known.__name__] = tokenizer_class  # a notebook defines its class again and again
    return tokenizer_class


def _place(found: type) -> tuple[str, str]:
    return found.__module__, found.__qualname__
