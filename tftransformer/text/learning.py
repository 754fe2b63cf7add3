"""The one call that learns pieces, with errors in words."""

import io
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tftransformer.text.checks import check_texts

# SentencePiece writes the space as U+2581 and would read that character as a space.
SPACE = "▁"


def check_corpus(texts: Iterable[str]) -> list[str]:
    """Lists `texts`, which must be strings and not all of them blank."""
    texts = check_texts(texts)
    if not any(map(str.strip, texts)):
        raise ValueError(f"nothing to learn from: {len(texts)} texts, none with a character")
    return texts


def learn_pieces(
    texts: Iterable[str],
    vocab_size: int,
    *,
    kind: str,
    byte_fallback: bool,
    normalization: str,
    character_coverage: float,
    special_tokens: Sequence[str] = (),
    **options: Any,
) -> bytes:
    """Learns a SentencePiece model with pad 0, unknown 1, start 2, end 3.

    Args:
        texts: strings, as `check_corpus` or a pipeline after it leaves them.
        vocab_size, kind, byte_fallback, normalization, character_coverage, special_tokens: see
            `SentencePieceTokenizer.learn`.
        **options: further options of SentencePiece's trainer.

    Returns:
        The serialised model.

    Raises:
        ValueError: the texts do not suit `vocab_size`, or `character_coverage` is out of range.
    """
    import sentencepiece

    if not 0.98 <= character_coverage <= 1:
        raise ValueError(
            f"character_coverage must lie between 0.98 and 1, got {character_coverage}"
        )
    rules: dict[str, Any]
    if normalization == "identity":
        rules = {"norm_map": [(SPACE, "_")]}
    else:
        rules = {"rule_name": normalization}
    sentencepiece.set_min_log_level(2)  # errors alone
    normalizer = sentencepiece.SentencePieceNormalizer(
        **rules,
        add_dummy_prefix=True,
        escape_whitespaces=True,
        remove_extra_whitespaces=normalization != "identity",
    )
    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(texts),
            model_writer=model,
            model_type=kind,
            vocab_size=vocab_size,
            byte_fallback=byte_fallback,
            character_coverage=character_coverage,
            control_symbols=list(special_tokens),
            normalizer=normalizer,
            pad_id=0,
            unk_id=1,
            bos_id=2,
            eos_id=3,
            max_sentence_length=2**30,  # longer ones would be left out in silence
            minloglevel=2,
            **options,
        )
    except RuntimeError as error:
        fixed = {"special tokens": 4 + len(special_tokens), "bytes": 256 * byte_fallback}
        raise _readable(error, vocab_size, fixed) from error
    return model.getvalue()


def _readable(error: RuntimeError, vocab_size: int, fixed: Mapping[str, int]) -> Exception:
    if largest := re.search(r"too high.*<= (\d+)", str(error)):
        return ValueError(
            f"vocab_size {vocab_size} is more than these texts allow: at most {largest[1]}"
        )
    if needed := re.search(r"smaller than required_chars. \d+ vs (\d+)", str(error)):
        counts = {"characters": int(needed[1]) - sum(fixed.values()), **fixed}
        told = " + ".join(f"{count} {kind}" for kind, count in counts.items() if count)
        return ValueError(
            f"vocab_size {vocab_size} is too small: {told} alone take {needed[1]}; ask for more, "
            "or lower character_coverage"
        )
    return error
