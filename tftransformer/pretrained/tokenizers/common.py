"""What makers of every kind ask of a description."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from tftransformer.pretrained.tokenizer_description import TokenizerDescription
from tftransformer.text import AddedToken, Tokenizer
from tftransformer.text.added_tokens import hidden

# What the package calls the roles that Hugging Face calls otherwise.
ROLES = {"bos": "start", "eos": "end"}
SPELLED = {ours: theirs for theirs, ours in ROLES.items()}
# A token with several roles stands in templates under the first of these.
ORDER = ("cls", "sep", "start", "end", "pad", "mask", "unk")


def special_ids(description: TokenizerDescription) -> dict[str, int]:
    """Ids of the special tokens by what they are for, in the package's names."""
    found = description.special_ids
    return {ROLES.get(role, role): number for role, number in found.items()}


def pieces(ids: Mapping[str, int]) -> list[str]:
    """Pieces by rising id; an id that nothing has gets a name that no text spells."""
    made = [hidden(number) for number in range(max(ids.values(), default=-1) + 1)]
    for piece, number in ids.items():
        made[number] = piece
    return made


def ids_of(names: Sequence[str]) -> dict[str, int]:
    """Ids by piece: the opposite of `pieces`."""
    return {name: number for number, name in enumerate(names) if name != hidden(number)}


def added_tokens(tokenizer: Tokenizer) -> tuple[AddedToken, ...]:
    """A tokenizer's added tokens as a folder writes them.

    Those that a tokenizer of our own has by itself take one blank along, for which a folder has no
    word.
    """
    if tokenizer.takes_one_blank:
        return tuple(replace(x, lstrip=False, rstrip=False) for x in tokenizer.added_tokens)
    return tokenizer.added_tokens
