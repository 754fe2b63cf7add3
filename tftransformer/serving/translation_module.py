"""TranslationModule."""

import functools
import os
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from tftransformer.decoding import Sampling
from tftransformer.serving.parts import ROWS, in_parts
from tftransformer.serving.saved_model import write_saved_model

# What `str.isspace` says yes to, and nothing at all.
_WHITE_SPACE = r"[\pZ\t-\r\x1c-\x1f\x{85}]*"


class TranslationModule(tf.Module):
    """Strings in, strings out: tokenizers, model and decoding loop in one graph.

    The module tracks what a SavedModel has to hold: the tokenizers' tables and the raw variables
    of the model. The Keras model itself stays out, so nothing of Keras is needed to serve it.

    Args:
        model: a model with `start_decoding`, such as `Transformer`.
        source_tokenizer: of the texts that come in.
        target_tokenizer: of the texts that go out.
        strategy: how to decode, such as `BeamSearch()`.
        max_length: most tokens of a translation, the end token included.
        max_source_length: most tokens of a source, the end token included; what is longer is cut
            off; None = no limit.
        processors: see `tftransformer.decoding`.
        parallel: parts of a batch that are decoded at the same time.

    Attributes:
        grows: whether the caches of the decoder grow with the translation.
    """

    grows = True

    def __init__(
        self,
        model: Any,
        source_tokenizer: Any,
        target_tokenizer: Any,
        strategy: Any,
        max_length: int,
        max_source_length: int | None = None,
        processors: Sequence[Any] = (),
        parallel: int = 1,
    ):
        super().__init__(name="translation")
        self.source_tokenizer, self.target_tokenizer = source_tokenizer, target_tokenizer
        self.max_source_length, self.parallel = max_source_length, parallel
        # Tracking the Keras model instead makes an export that TensorFlow Serving cannot run.
        self.weights = [variable.value for variable in model.weights]
        start_id, pieces = start_of(model, target_tokenizer), target_tokenizer.vocab_size
        if getattr(model, "target_vocab_size", pieces) > pieces:
            processors = (*processors, functools.partial(_ban_from, pieces))

        def search(source_ids, row_numbers):
            copies = strategy.rows_per_prompt
            step, cache = model.start_decoding(
                source_ids, None if self.grows else max_length, copies=copies
            )
            rows = tf.shape(source_ids)[0]
            options = {"row_numbers": row_numbers} if isinstance(strategy, Sampling) else {}
            return strategy(
                step,
                cache,
                tf.fill([rows, 1], start_id),
                max_new_tokens=max_length,
                end_id=target_tokenizer.special_ids["end"],
                pad_id=target_tokenizer.special_ids["pad"],
                processors=processors,
                **options,
            )

        def n_best(texts):
            ids = source_tokenizer.tokenize(texts)
            is_empty = tf.strings.regex_full_match(texts, _WHITE_SPACE)
            rows = ids.nrows(out_type=tf.int32)
            if max_source_length is not None:
                ids = ids[:, : max_source_length - 1]
            special = source_tokenizer.special_ids
            ends = tf.fill([rows, 1], special["end"])
            ids = tf.concat([ids, ends], axis=1).to_tensor(special["pad"])
            decoded = self.decode(ids, tf.range(rows))
            count = decoded.ids.shape[1]
            flat = tf.reshape(decoded.ids, [-1, max_length])
            translations = tf.reshape(target_tokenizer.detokenize(flat), [-1, count])
            # Nothing translates to nothing, whatever the model would say.
            nothing = is_empty[:, None]
            return {
                "translations": tf.where(nothing, "", translations),
                "scores": tf.where(nothing, 0.0, decoded.scores),
            }

        def best(texts):
            return {name: value[:, 0] for name, value in self.n_best(texts).items()}

        texts = tf.TensorSpec([None], tf.string, name="texts")
        self.decode = tf.function(self._decoder(search, model), input_signature=ROWS)
        self.translate = tf.function(best, input_signature=[texts])
        self.n_best = tf.function(n_best, input_signature=[texts])

    def _decoder(self, search: Callable, model: Any) -> Callable:
        """What `decode` computes: as `search` does."""
        pad_id = self.source_tokenizer.special_ids["pad"]
        parts = in_parts(search, self.parallel, pad_id) if self.parallel > 1 else search

        def decode(source_ids, row_numbers):
            # Read once: a loop that reads variables waits for every other.
            with keras.StatelessScope(self._read(model)):
                return parts(source_ids, row_numbers)

        return decode

    def _read(self, model: Any) -> list[tuple[keras.Variable, tf.Tensor]]:
        """The weights of the model and what they are."""
        return [(weight, tf.convert_to_tensor(weight.value)) for weight in model.weights]

    def save(self, path: str | os.PathLike) -> pathlib.Path:
        """Writes a SavedModel.

        `serving_default` takes `texts`, string (batch,), and returns `translations`, string
        (batch,), and `scores`, float32 (batch,). `n_best` returns both as (batch, n), best first.

        Args:
            path: folder to make; it must not exist.

        Returns:
            The path.
        """
        return write_saved_model(
            self, path, {"serving_default": self.translate, "n_best": self.n_best}
        )


def start_of(model: Any, tokenizer: Any) -> int:
    """The token that targets begin with: the tokenizer's; where it has none, the model's, or -1."""
    return tokenizer.special_ids.get("start", getattr(model, "start_id", -1))


def _ban_from(pieces: int, scores: Any, ids: Any, length: Any) -> Any:
    """A processor for models that know more ids than there are pieces: these say nothing."""
    return tf.where(tf.range(tf.shape(scores)[1]) < pieces, scores, -float("inf"))
