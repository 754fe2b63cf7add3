"""TranslationGraph."""

import functools
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tftransformer.serving import TaskGraph

# What `str.isspace` says yes to, and nothing at all.
_WHITE_SPACE = r"[\pZ\t-\r\x1c-\x1f\x{85}]*"


class TranslationGraph(TaskGraph):
    """From texts to translations and scores.

    `serving_default` gives `translations`, string (batch,), `scores`, float32 (batch,), and `cut`,
    bool (batch,): which texts were longer than `max_source_length` and lost their ends. `n_best`
    gives the first two as (batch, n), best first.

    Args:
        model: a model with `start_decoding`, such as `Transformer`; asked for its vocabulary here.
        source_tokenizer: of the texts that come in.
        target_tokenizer: of the texts that go out.
        strategy: how to decode, such as `BeamSearch()`.
        max_length: most tokens of a translation, the end token included.
        max_source_length: most tokens of a source, the end token included; what is longer is cut
            off; None = no limit.
        processors: see `tftransformer.decoding`.
    """

    signatures = ("serving_default", "n_best")
    numbers = ("row_numbers",)

    def __init__(
        self,
        model: Any,
        source_tokenizer: Any,
        target_tokenizer: Any,
        strategy: Any,
        max_length: int,
        max_source_length: int | None = None,
        processors: Sequence[Any] = (),
    ):
        self.source_tokenizer, self.target_tokenizer = source_tokenizer, target_tokenizer
        self.tracked = [source_tokenizer, target_tokenizer]
        self.strategy, self.max_target_length = strategy, max_length
        self.max_length = max_source_length
        self.fills = {"source_ids": source_tokenizer.special_ids["pad"]}
        self.start_id, pieces = start_of(model, target_tokenizer), target_tokenizer.vocab_size
        if getattr(model, "target_vocab_size", pieces) > pieces:
            processors = (*processors, functools.partial(_ban_from, pieces))
        self.processors = processors

    def encode(self, texts: tf.Tensor) -> tuple[dict[str, tf.Tensor], Any]:
        ids = self.source_tokenizer.tokenize(texts)
        is_empty = tf.strings.regex_full_match(texts, _WHITE_SPACE)
        rows = ids.nrows(out_type=tf.int32)
        is_cut = tf.fill([rows], False)
        if self.max_length is not None:
            is_cut = ids.row_lengths() >= self.max_length
            ids = ids[:, : self.max_length - 1]
        special = self.source_tokenizer.special_ids
        ends = tf.fill([rows, 1], special["end"])
        ids = tf.concat([ids, ends], axis=1).to_tensor(special["pad"])
        numbered = {"source_ids": ids, "row_numbers": tf.range(rows)}
        return numbered, {"cut": is_cut, "is_empty": is_empty}

    def compute(self, model: Any, rows: dict[str, tf.Tensor], fixed: bool) -> Any:
        source_ids = rows["source_ids"]
        step = model.start_decoding(
            source_ids,
            cache_length=self.max_target_length if fixed else None,  # without a length it grows
            num_beams=self.strategy.rows_per_prompt,
        )
        return self.strategy(
            step,
            tf.fill([tf.shape(source_ids)[0], 1], self.start_id),
            max_new_tokens=self.max_target_length,
            end_id=self.target_tokenizer.special_ids["end"],
            pad_id=self.target_tokenizer.special_ids["pad"],
            processors=self.processors,
            row_numbers=rows["row_numbers"],
        )

    def answers(self, found: Any, known: Any) -> dict[str, dict[str, tf.Tensor]]:
        count = found.ids.shape[1]
        flat = tf.reshape(found.ids, [-1, self.max_target_length])
        translations = tf.reshape(self.target_tokenizer.detokenize(flat), [-1, count])
        # Nothing translates to nothing, whatever the model would say.
        nothing = known["is_empty"][:, None]
        n_best = {
            "translations": tf.where(nothing, "", translations),
            "scores": tf.where(nothing, 0.0, found.scores),
        }
        best = {name: value[:, 0] for name, value in n_best.items()}
        return {"serving_default": {**best, "cut": known["cut"]}, "n_best": n_best}


def start_of(model: Any, tokenizer: Any) -> int:
    """The token that targets begin with: the tokenizer's; where it has none, the model's, or -1."""
    return tokenizer.special_ids.get("start", getattr(model, "start_id", -1))


def _ban_from(pieces: int, scores: Any, ids: Any, lengths: Any) -> Any:
    """A processor for models that know more ids than there are pieces: these say nothing."""
    return tf.where(tf.range(tf.shape(scores)[1]) < pieces, scores, -float("inf"))
