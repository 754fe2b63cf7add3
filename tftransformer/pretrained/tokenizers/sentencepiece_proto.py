"""SentencePiece models out of pieces and scores."""

import re
from collections.abc import Collection, Sequence

BYTE = re.compile("<0x[0-9A-F]{2}>")


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
        scores: of each piece its log-probability (unigram), or minus the rank of its merge.
        unknown: the id of the unknown piece.
        special: pieces that no text becomes.
        is_bpe: whether pieces are put together, the best first; else the best sum of scores wins.
        byte_fallback: whether characters without a piece are spelled in UTF-8 bytes.
        charsmap: the rules by which characters are replaced, compiled; empty: none.
        dummy_prefix: whether a blank is put in front of a text.
        drops_blanks: whether blanks at the ends go, and one is made of several.
    """
    from sentencepiece import sentencepiece_model_pb2 as proto

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
