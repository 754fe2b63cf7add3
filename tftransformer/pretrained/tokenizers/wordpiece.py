"""WordPiece tokenizers of descriptions: BERT and its kin."""

from collections.abc import Mapping
from typing import Any

from tftransformer.pretrained.tokenizer_description import (
    Step,
    TokenizerDescription,
    WordPiece,
)
from tftransformer.pretrained.tokenizers.common import added_tokens, ids_of, pieces, special_ids
from tftransformer.text import WordPieceTokenizer


def make(description: TokenizerDescription) -> WordPieceTokenizer:
    """A `WordPieceTokenizer` as the description says.

    Raises:
        ValueError: the description has a step that `WordPieceTokenizer` does not know.
    """
    model = description.model
    assert isinstance(model, WordPiece)
    options = _bert_normalizer(description)
    names = {number: piece for piece, number in description.ids.items()}
    roles = {role: names[number] for role, number in special_ids(description).items()}
    decoder = next((step for step in description.decoder if step.kind == "WordPiece"), None)
    return WordPieceTokenizer(
        pieces(model.vocab),
        lower_case=bool(options["lowercase"]),
        strip_accents=options["strip_accents"],
        special_tokens={**roles, "unk": model.unk_token},
        added_tokens=description.added_tokens,
        prefix=model.continuing_subword_prefix,
        max_characters=model.max_input_chars_per_word,
        parts_ideographs=bool(options["handle_chinese_chars"]),
        tidies=decoder is not None and bool(decoder.options["cleanup"]),
    )


def describe(tokenizer: WordPieceTokenizer) -> TokenizerDescription:
    """What `make` makes this tokenizer of, but for how rows are made."""
    names = tokenizer.vocabulary().decode().removesuffix("\n").split("\n")
    normalizer = {
        "clean_text": True,
        "handle_chinese_chars": tokenizer.parts_ideographs,
        "strip_accents": tokenizer.strip_accents,
        "lowercase": tokenizer.lower_case,
    }
    decoder = {"prefix": tokenizer.prefix, "cleanup": tokenizer.tidies}
    return TokenizerDescription(
        WordPiece(
            ids_of(names),
            tokenizer.special_tokens["unk"],
            tokenizer.prefix,
            tokenizer.max_characters,
        ),
        normalizer=(Step("BertNormalizer", normalizer),),
        pre_tokenizer=(Step("BertPreTokenizer", {}),),
        decoder=(Step("WordPiece", decoder),),
        added_tokens=added_tokens(tokenizer),
    )


def _bert_normalizer(description: TokenizerDescription) -> Mapping[str, Any]:
    """The options of the one normaliser that is known."""
    for step in (*description.normalizer, *description.pre_tokenizer):
        if step.kind not in ("BertNormalizer", "BertPreTokenizer"):
            raise ValueError(f"WordPiece with a step {step.kind} is not known")
    if not description.normalizer:
        raise ValueError("WordPiece without a BertNormalizer is not known")
    options = description.normalizer[0].options
    if not options["clean_text"]:
        raise ValueError("a BertNormalizer with clean_text=False is not known")
    return options
