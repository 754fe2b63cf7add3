"""SentencePiece models out of pieces and scores."""

import re
from collections.abc import Collection, Sequence
from typing import NamedTuple

from tftransformer.text.sentencepiece_model import messages

BYTE = re.compile("<0x[0-9A-F]{2}>")
TAB = "<0x09>"


def build(
    pieces: Sequence[str],
    scores: Sequence[float],
    *,
    unknown: int,
    special: Collection[str],
    is_bpe: bool,
    byte_fallback: bool,
    charsmap: bytes,
    dummy_prefix: bool,
    drops_blanks: bool,
) -> bytes:
    """A serialised model that cuts texts into these pieces.

    Args:
        pieces: by id.
        scores: the log-probability of each piece (unigram), or minus the rank of its merge.
        unknown: the id of the unknown piece.
        special: pieces that no text becomes.
        is_bpe: whether pieces are put together, the best first; else the best sum of scores wins.
        byte_fallback: whether characters without a piece are spelled in UTF-8 bytes.
        charsmap: the rules by which characters are replaced, compiled; empty: none.
        dummy_prefix: whether a blank is put in front of a text.
        drops_blanks: whether blanks at the ends go, and one is made of several.
    """
    proto = messages()
    model = proto.ModelProto()
    kinds = proto.ModelProto.SentencePiece
    for number, (piece, score) in enumerate(zip(pieces, scores, strict=True)):
        kind = kinds.NORMAL
        if number == unknown:
            kind = kinds.UNKNOWN
        elif piece in special:
            kind = kinds.CONTROL
        elif byte_fallback and BYTE.fullmatch(piece):
            kind = kinds.BYTE
        model.pieces.add(piece=piece, score=score, type=kind)
    trainer = model.trainer_spec
    trainer.model_type = trainer.BPE if is_bpe else trainer.UNIGRAM
    trainer.vocab_size, trainer.byte_fallback = len(pieces), byte_fallback
    trainer.unk_id, trainer.unk_piece = unknown, pieces[unknown]
    trainer.bos_id = trainer.eos_id = trainer.pad_id = -1
    model.normalizer_spec.name = "precompiled" if charsmap else "identity"
    model.normalizer_spec.precompiled_charsmap = charsmap
    model.normalizer_spec.add_dummy_prefix = dummy_prefix
    model.normalizer_spec.remove_extra_whitespaces = drops_blanks
    model.normalizer_spec.escape_whitespaces = True
    return model.SerializeToString()


class Model(NamedTuple):
    """What a serialised model says; `build` has the meaning of each."""

    pieces: list[str]
    scores: list[float]
    is_text: list[bool]
    unknown: int
    is_bpe: bool
    byte_fallback: bool
    charsmap: bytes
    dummy_prefix: bool
    drops_blanks: bool


def read_model(data: bytes) -> Model:
    """What a serialised model says."""
    proto = messages()
    model = proto.ModelProto.FromString(data)
    kinds = proto.ModelProto.SentencePiece
    trainer, rules = model.trainer_spec, model.normalizer_spec
    return Model(
        [piece.piece for piece in model.pieces],
        [piece.score for piece in model.pieces],
        [piece.type in (kinds.NORMAL, kinds.USER_DEFINED) for piece in model.pieces],
        next(i for i, piece in enumerate(model.pieces) if piece.type == kinds.UNKNOWN),
        trainer.model_type == trainer.BPE,
        trainer.byte_fallback,
        rules.precompiled_charsmap,
        rules.add_dummy_prefix,
        rules.remove_extra_whitespaces,
    )


def with_tab(model: Model) -> Model:
    """Returns the model with the tab as a letter in the place of its byte, if pieces hold tabs."""
    if TAB not in model.pieces or not any("\t" in piece for piece in model.pieces):
        return model
    pieces, is_text, tab = [*model.pieces], [*model.is_text], model.pieces.index(TAB)
    pieces[tab], is_text[tab] = "\t", True
    return model._replace(pieces=pieces, is_text=is_text)


def merges_of(model: Model) -> tuple[tuple[str, str], ...]:
    """All pairs of pieces that make a piece, the best pieces first."""
    scores = {
        piece: score
        for piece, score, is_text in zip(model.pieces, model.scores, model.is_text, strict=True)
        if is_text
    }
    order = sorted((x for x in scores if len(x) > 1), key=lambda piece: -scores[piece])
    return tuple(
        (piece[:place], piece[place:])
        for piece in order
        for place in range(1, len(piece))
        if piece[:place] in scores and piece[place:] in scores
    )
