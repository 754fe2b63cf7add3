"""Character BPE tokenizers of descriptions: GPT, XLM."""

from collections.abc import Mapping
from typing import Any

from tftransformer.pretrained.tokenizer_description import Bpe, Step, TokenizerDescription
from tftransformer.pretrained.tokenizers.common import added_tokens, ids_of, pieces, special_ids
from tftransformer.pretrained.tokenizers.wordpiece import bert_normalizer, bert_step
from tftransformer.text import BpeTokenizer


def make(description: TokenizerDescription) -> BpeTokenizer:
    """A `BpeTokenizer` as the description says.

    Raises:
        ValueError: the description asks for something that `BpeTokenizer` does not know.
    """
    model = description.model
    assert isinstance(model, Bpe)
    for name in ("dropout", "continuing_subword_prefix", "fuse_unk", "byte_fallback"):
        if getattr(model, name):
            raise ValueError(f"character BPE with {name} {getattr(model, name)!r} is not known")
    if not model.unk_token or not model.end_of_word_suffix:
        raise ValueError("character BPE without unk_token or end_of_word_suffix is not known")
    by_moses = description.rules == "xlm"
    options: Mapping[str, Any]
    if by_moses:
        lowers = description.settings.get("do_lowercase_and_remove_accent", True)
        options = {"lowercase": lowers, "strip_accents": lowers, "handle_chinese_chars": True}
    else:
        options, rewriting = bert_normalizer(description)
        if rewriting:
            raise ValueError(f"character BPE with {rewriting} before its normalizer is not known")
    return BpeTokenizer(
        pieces(description.ids),
        model.merges,
        unk_token=model.unk_token,
        suffix=model.end_of_word_suffix,
        lower_case=bool(options["lowercase"]),
        strip_accents=options["strip_accents"],
        parts_ideographs=bool(options["handle_chinese_chars"]),
        by_moses=by_moses,
        special_ids=special_ids(description),
        added_tokens=description.added_tokens,
    )


def describe(tokenizer: BpeTokenizer) -> TokenizerDescription:
    """What `make` makes GPT's tokenizer of, but for how rows are made."""
    return TokenizerDescription(
        Bpe(
            ids_of(tokenizer.tokens(range(tokenizer.vocab_size))),
            tokenizer.merges,
            unk_token=tokenizer.unk_token,
            end_of_word_suffix=tokenizer.suffix,
        ),
        normalizer=(bert_step(tokenizer),),
        pre_tokenizer=(Step("BertPreTokenizer", {}),),
        decoder=(Step("BPEDecoder", {"suffix": tokenizer.suffix}),),
        added_tokens=added_tokens(tokenizer),
    )
