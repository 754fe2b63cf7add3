"""Byte-level BPE tokenizers of descriptions: GPT-2, RoBERTa, BART, Llama 3, ModernBERT."""

import re
from collections.abc import Mapping
from typing import Any

from tftransformer.pretrained.tokenizer_description import Bpe, Step, TokenizerDescription
from tftransformer.pretrained.tokenizer_json import BYTES
from tftransformer.pretrained.tokenizers.common import added_tokens, ids_of, pieces, special_ids
from tftransformer.text import ByteBpeTokenizer
from tftransformer.text.cutting import GPT2


def make(description: TokenizerDescription) -> ByteBpeTokenizer:
    """A `ByteBpeTokenizer` as the description says.

    Raises:
        ValueError: the description asks for something that `ByteBpeTokenizer` does not know.
    """
    model = description.model
    assert isinstance(model, Bpe)
    for name in ("dropout", "continuing_subword_prefix", "end_of_word_suffix"):
        if getattr(model, name):
            raise ValueError(f"byte-level BPE with {name} {getattr(model, name)!r} is not known")
    decoders = [step.kind for step in description.decoder]
    if decoders != ["ByteLevel"]:
        raise ValueError(f"byte-level BPE with the decoder {decoders} is not known")
    *splits, last = description.pre_tokenizer or (Step("nothing", {}),)
    if last.kind != "ByteLevel":
        raise ValueError(f"byte-level BPE whose last pre-tokenizer is {last.kind} is not known")
    expressions = [_expression(step) for step in splits]
    if expressions and last.options["add_prefix_space"]:
        raise ValueError("add_prefix_space behind another pre-tokenizer is not known")
    if last.options["use_regex"]:
        expressions.append(GPT2)
    return ByteBpeTokenizer(
        pieces(description.ids),
        model.merges,
        expressions=expressions,
        normalization=_normalization(description),
        add_prefix_space=last.options["add_prefix_space"],
        ignore_merges=model.ignore_merges,
        special_ids=special_ids(description),
        added_tokens=description.added_tokens,
        **_offsets(description),
    )


def describe(tokenizer: ByteBpeTokenizer) -> TokenizerDescription:
    """What `make` makes this tokenizer of, but for how rows are made."""
    is_gpt2 = tokenizer.expressions[-1:] == (GPT2,)
    splits = tokenizer.expressions[:-1] if is_gpt2 else tokenizer.expressions
    split = {"behavior": "Isolated", "invert": False}
    places = {
        "trim_offsets": tokenizer.trim_offsets,
        "add_prefix_space": tokenizer.keep_first_space,
        "use_regex": True,
    }
    bytes_of_words = {**BYTES, "add_prefix_space": tokenizer.add_prefix_space}
    return TokenizerDescription(
        Bpe(
            ids_of(tokenizer.tokens(range(tokenizer.vocab_size))),
            tokenizer.merges,
            ignore_merges=tokenizer.ignore_merges,
        ),
        normalizer=(Step("NFC", {}),) if tokenizer.normalization else (),
        pre_tokenizer=(
            *(Step("Split", {"pattern": {"Regex": found}, **split}) for found in splits),
            Step("ByteLevel", {**bytes_of_words, "use_regex": is_gpt2}),
        ),
        post_processor=(Step("ByteLevel", places),),
        decoder=(Step("ByteLevel", BYTES),),
        added_tokens=added_tokens(tokenizer),
    )


def _normalization(description: TokenizerDescription) -> str | None:
    kinds = [step.kind for step in description.normalizer]
    if kinds not in ([], ["NFC"]):
        raise ValueError(f"byte-level BPE with the normalizer {kinds} is not known")
    return "nfc" if kinds else None


def _expression(step: Step) -> str:
    """The expression that cuts as a step of pre-tokenizing does."""
    if step.kind == "Digits":
        return r"\p{N}" if step.options["individual_digits"] else r"\p{N}+"
    if step.kind != "Split":
        raise ValueError(f"byte-level BPE with the pre-tokenizer {step.kind} is not known")
    # Where an expression finds everything, to remove what it does not find changes nothing.
    behavior = step.options["behavior"].lower(), bool(step.options["invert"])
    ((kind, pattern),) = _pattern(step.options["pattern"]).items()
    if behavior != ("isolated", False) and behavior != ("removed", True):
        raise ValueError(f"byte-level BPE with a Split of behavior {behavior} is not known")
    return pattern if kind == "Regex" else re.escape(pattern)


def _pattern(pattern: Any) -> Mapping[str, str]:
    return {"String": pattern} if isinstance(pattern, str) else pattern


def _offsets(description: TokenizerDescription) -> dict[str, Any]:
    """What is done to the places of pieces that begin or end with spaces."""
    for step in description.post_processor:
        if step.kind in ("ByteLevel", "RobertaProcessing") and step.options["trim_offsets"]:
            return {"trim_offsets": True, "keep_first_space": step.options["add_prefix_space"]}
    return {"trim_offsets": False}
