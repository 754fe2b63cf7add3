"""WordPiece tokenizers of descriptions: BERT and its kin."""

from collections.abc import Mapping
from typing import Any

from tftransformer.pretrained.tokenizer_description import (
    Step,
    TokenizerDescription,
    WordPiece,
)
from tftransformer.pretrained.tokenizer_json import BERT
from tftransformer.pretrained.tokenizers.common import added_tokens, ids_of, pieces, special_ids
from tftransformer.pretrained.tokenizers.rewriting import rewriting_of, steps_of
from tftransformer.text import BpeTokenizer, WordPieceTokenizer


def make(description: TokenizerDescription) -> WordPieceTokenizer:
    """A `WordPieceTokenizer` as the description says.

    Raises:
        ValueError: the description has a step that `WordPieceTokenizer` does not know.
    """
    model = description.model
    assert isinstance(model, WordPiece)
    options, rewriting = bert_normalizer(description)
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
        rewriting=rewriting,
    )


def describe(tokenizer: WordPieceTokenizer) -> TokenizerDescription:
    """What `make` makes this tokenizer of, but for how rows are made."""
    names = tokenizer.vocabulary().decode().removesuffix("\n").split("\n")
    decoder = {"prefix": tokenizer.prefix, "cleanup": tokenizer.tidies}
    return TokenizerDescription(
        WordPiece(
            ids_of(names),
            tokenizer.special_tokens["unk"],
            tokenizer.prefix,
            tokenizer.max_characters,
        ),
        normalizer=(*steps_of(tokenizer.rewriting), bert_step(tokenizer)),
        pre_tokenizer=(Step("BertPreTokenizer", {}),),
        decoder=(Step("WordPiece", decoder),),
        added_tokens=added_tokens(tokenizer),
    )


def bert_step(tokenizer: WordPieceTokenizer | BpeTokenizer) -> Step:
    """The step that normalises as a tokenizer does: the opposite of `bert_normalizer`."""
    options = {
        "handle_chinese_chars": tokenizer.parts_ideographs,
        "strip_accents": tokenizer.strip_accents,
        "lowercase": tokenizer.lower_case,
    }
    return Step("BertNormalizer", {**BERT, **options})


def bert_normalizer(
    description: TokenizerDescription,
) -> tuple[Mapping[str, Any], list[list[str]]]:
    """The options of the normaliser that every such description has, and what comes before it."""
    steps = description.normalizer
    others = [step.kind for step in description.pre_tokenizer if step.kind != "BertPreTokenizer"]
    if others or not description.pre_tokenizer:
        raise ValueError(f"WordPiece cut by {', '.join(others) or 'nothing'} before is not known")
    if not steps or steps[-1].kind != "BertNormalizer":
        raise ValueError("WordPiece without a BertNormalizer as its last step is not known")
    options = steps[-1].options
    if not options["clean_text"]:
        raise ValueError("a BertNormalizer with clean_text=False is not known")
    return options, rewriting_of(steps[:-1])
