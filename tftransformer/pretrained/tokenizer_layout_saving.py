"""Tokenizers whose rules tokenizer.json cannot express, as the files of their family."""

import itertools
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, NamedTuple

from tftransformer.pretrained.tokenizer_layouts import MARIAN_ROWS, XLM_ROWS
from tftransformer.pretrained.tokenizers.common import ids_of
from tftransformer.pretrained.tokenizers.rewriting import xlnet
from tftransformer.text import BpeTokenizer, SentencePieceTokenizer, Template, Tokenizer


class Layout(NamedTuple):
    """How a folder holds a tokenizer.

    Attributes:
        files: what they hold, by their names.
        config: what tokenizer_config.json says besides the special tokens.
        rows: those that the family makes; None: the files say it.
    """

    files: Mapping[str, bytes]
    config: Mapping[str, Any]
    rows: Template | None = None


def layout_of_family(tokenizer: Tokenizer, target: Tokenizer | None) -> Layout | None:
    """The files of Marian, XLM or XLNet; None where tokenizer.json can say it all.

    Args:
        tokenizer: the tokenizer, or the source's.
        target: the target's, where there is one.

    Raises:
        ValueError: the family's files cannot express the tokenizer.
    """
    if isinstance(tokenizer, SentencePieceTokenizer) and tokenizer.language_codes:
        return marian(tokenizer, target or tokenizer)
    if target is not None:
        raise ValueError("of pairs of languages with two tokenizers Marian's alone can be written")
    if isinstance(tokenizer, SentencePieceTokenizer) and tokenizer.splits_commas:
        return xlnet_files(tokenizer)
    if isinstance(tokenizer, BpeTokenizer) and tokenizer.by_moses:
        return xlm(tokenizer)
    return None


def marian(source: SentencePieceTokenizer, target: Tokenizer) -> Layout:
    """source.spm, target.spm and vocab.json, and target_vocab.json where its ids are others."""
    if not isinstance(target, SentencePieceTokenizer) or not target.language_codes:
        raise ValueError("Marian's files cannot express a target that is cut in another way")
    models = {"source.spm": source.vocabulary(), "target.spm": target.vocabulary()}
    vocab, other = _vocab(source), _vocab(target)
    config: dict[str, Any] = _config("MarianTokenizer", source)
    files = {**models, "vocab.json": as_json(vocab)}
    if vocab != other:
        files["target_vocab.json"] = as_json(other)
        config["separate_vocabs"] = True
    return Layout(files, config, MARIAN_ROWS)


def xlm(tokenizer: BpeTokenizer) -> Layout:
    """vocab.json and merges.txt."""
    lowers = tokenizer.lower_case
    if tokenizer.strip_accents != lowers or not tokenizer.parts_ideographs:
        raise ValueError("XLM's files cannot express another normalisation of letters")
    merges = "".join(f"{left} {right}\n" for left, right in tokenizer.merges)
    files = {"vocab.json": as_json(_vocab(tokenizer)), "merges.txt": merges.encode()}
    config = _config("XLMTokenizer", tokenizer, do_lowercase_and_remove_accent=lowers)
    return Layout(files, config, XLM_ROWS)


def xlnet_files(tokenizer: SentencePieceTokenizer) -> Layout:
    """spiece.model."""
    names = ("remove_space", "keep_accents", "do_lower_case")
    for values in itertools.product((False, True), repeat=len(names)):
        settings = dict(zip(names, values, strict=True))
        if xlnet(settings) == [*map(list, tokenizer.rewriting)]:
            files = {"spiece.model": tokenizer.vocabulary()}
            config = _config("XLNetTokenizer", tokenizer, **settings)
            return Layout(files, config, Template.xlnet())
    raise ValueError(f"XLNet's files cannot express the rewriting {tokenizer.rewriting}")


def _config(name: str, tokenizer: Tokenizer, **settings: Any) -> dict[str, Any]:
    """What tokenizer_config.json says: class, settings, and the added tokens by id."""
    entries = [asdict(token) for token in tokenizer.added_tokens]
    added = {str(entry.pop("id")): entry for entry in entries}
    return {"tokenizer_class": name, **settings, "added_tokens_decoder": added}


def _vocab(tokenizer: Tokenizer) -> dict[str, int]:
    return ids_of(tokenizer.tokens(range(tokenizer.vocab_size)))


def as_json(content: Mapping[str, Any]) -> bytes:
    """The content of a file."""
    return (json.dumps(content, ensure_ascii=False, indent=2) + "\n").encode()
