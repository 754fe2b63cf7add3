"""WordPiece tokenizers of descriptions: BERT and its kin."""

from collections.abc import Mapping
from typing import Any

from tftransformer.pretrained.tokenizer_description import TokenizerDescription, WordPiece
from tftransformer.pretrained.tokenizers.common import pieces, special_ids
from tftransformer.text import WordPieceTokenizer


def make(description: TokenizerDescription) -> WordPieceTokenizer:
    """A `WordPieceTokenizer` as the description says.

    Raises:
        ValueError: the description has a step that `WordPieceTokenizer` does not know.
    """
    model = description.model
    assert isinstance(model, WordPiece)
    options = _bert_normalizer(description)
    names, known = pieces(description), special_ids(description)
    return WordPieceTokenizer(
        names,
        lower_case=bool(options["lowercase"]),
        strip_accents=options["strip_accents"],
        special_tokens={
            **{role: names[number] for role, number in known.items()},
            "unk": model.unk_token,
        },
    )


def _bert_normalizer(description: TokenizerDescription) -> Mapping[str, Any]:
    """The options of the one normaliser that is known."""
    for step in (*description.normalizer, *description.pre_tokenizer):
        if step.kind not in ("BertNormalizer", "BertPreTokenizer"):
            raise ValueError(f"WordPiece with a step {step.kind} is not known")
    if not description.normalizer:
        raise ValueError("WordPiece without a BertNormalizer is not known")
    return description.normalizer[0].options
