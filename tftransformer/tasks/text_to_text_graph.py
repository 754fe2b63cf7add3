"""TextToTextGraph."""

import functools
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tftransformer.serving import TaskGraph
from tftransformer.tasks.generation import Generation
from tftransformer.tasks.generation_graph import has_ended, without_forced_ends
from tftransformer.tasks.generation_options import folder_options, start_of_targets
from tftransformer.tasks.given import Given
from tftransformer.tasks.pair_lengths import WRITTEN
from tftransformer.tasks.writing import Written
from tftransformer.text import truncate_in_graph
from tftransformer.text.truncation import KEPT

# What `str.isspace` says yes to, and nothing at all.
_WHITE_SPACE = r"[\pZ\t-\r\x1c-\x1f\x{85}]*"


class TextToTextGraph(TaskGraph):
    """From texts to what a model of two stacks writes of them.

    `serving_default` gives the texts under the name `output`, string (batch,); `scores`, float32
    (batch,); `finished`, bool (batch,): whether a text ended of its own; and `cut`, bool (batch,):
    which texts were longer than `max_source_length` and lost their ends. `n_best` gives the first
    three as (batch, n): what was searched best first, what was drawn in the order of the draws.

    Args:
        model: a model with `start_decoding`, such as `Transformer`; asked for its vocabulary here.
        source_tokenizer: tokenizer of the texts that come in.
        target_tokenizer: tokenizer of the texts that go out.
        generation: how to decode.
        max_length: most tokens of what is written, the end token included.
        grows: whether a short source has fewer, `growth` for each of its own and `WRITTEN` at
            least.
        start_id: the token that targets begin with.
        prefix: what stands before each text.
        around: ids that begin and end each source.
        max_source_length: most tokens of a source, all of these included; None = no limit.
        cut_side: the side on which longer ones lose tokens; see `Template`.
        output: name of the texts that go out.

    Attributes:
        growth: tokens that may be written for each one of the source, at least.
    """

    signatures = ("serving_default", "n_best")
    numbers: tuple[str, ...] = ("row_numbers",)
    growth = 2

    def __init__(
        self,
        model: Any,
        source_tokenizer: Any,
        target_tokenizer: Any,
        generation: Generation,
        *,
        max_length: int,
        grows: bool = False,
        start_id: int,
        prefix: str = "",
        around: tuple[Sequence[int], Sequence[int]],
        max_source_length: int | None = None,
        cut_side: str = "right",
        output: str = "translations",
    ):
        self.source_tokenizer, self.target_tokenizer = source_tokenizer, target_tokenizer
        self.tracked = [source_tokenizer, target_tokenizer]
        self.generation, self.grows, self.max_target_length = generation, grows, max_length
        self.max_length, self.start_id, self.output = max_source_length, start_id, output
        self.prefix, (self.before, self.after) = prefix, around
        self.kept = KEPT[cut_side]
        self.cut_side = cut_side
        self.fills = {"source_ids": source_tokenizer.special_ids["pad"]}
        pieces, processors = target_tokenizer.vocab_size, generation.processors
        if getattr(model, "target_vocab_size", pieces) > pieces:
            processors = (*processors, functools.partial(_ban_from, pieces))
        self.processors = processors

    def encode(self, texts: tf.Tensor) -> tuple[dict[str, tf.Tensor], Any]:
        is_empty = tf.strings.regex_full_match(texts, _WHITE_SPACE)
        if self.prefix:
            texts = tf.strings.join([tf.fill(tf.shape(texts), self.prefix), texts])
        ids = self.source_tokenizer.tokenize(texts)
        rows = ids.nrows(out_type=tf.int32)
        is_cut = tf.fill([rows], False)
        if self.max_length is not None:
            room = self.max_length - len(self.before) - len(self.after)
            is_cut = ids.row_lengths() > room
            ids, _, _ = truncate_in_graph(ids, None, room, cut_side=self.cut_side)
        before, after = (
            tf.repeat(tf.reshape(tf.constant(list(part), tf.int32), [1, -1]), rows, axis=0)
            for part in (self.before, self.after)
        )
        ids = tf.concat([before, ids, after], axis=1).to_tensor(self.fills["source_ids"])
        numbered = {"source_ids": ids, "row_numbers": tf.range(rows)}
        return numbered, {"cut": is_cut, "is_empty": is_empty}

    def compute(self, model: Any, rows: dict[str, tf.Tensor], fixed: bool) -> Any:
        source_ids, most, limits = rows["source_ids"], self.max_target_length, None
        if self.grows:
            real = tf.cast(source_ids != self.fills["source_ids"], tf.int32)
            if fixed and source_ids.shape[1] is not None:
                most = min(most, max(WRITTEN, self.growth * source_ids.shape[1]))
            limits = tf.maximum(WRITTEN, self.growth * tf.reduce_sum(real, axis=1))
        processors, limits = self.steered(rows, most, limits)
        strategy = self.generation.strategy
        step = model.start_decoding(
            source_ids,
            # Without a length it grows.
            cache_length=most + strategy.reads_hidden if fixed else None,
            num_beams=strategy.rows_per_prompt,
            hidden=strategy.reads_hidden,
        )
        found = strategy(
            step,
            tf.fill([tf.shape(source_ids)[0], 1], self.start_id),
            max_new_tokens=most,
            end_id=self.generation.end_ids,
            pad_id=self.target_tokenizer.special_ids["pad"],
            processors=processors,
            row_numbers=rows["row_numbers"],
            limits=limits,
        )
        found = without_forced_ends(found, self.generation, limits)
        if most == self.max_target_length:
            return found
        lacking = [[0, 0], [0, 0], [0, self.max_target_length - most]]
        pad_id = self.target_tokenizer.special_ids["pad"]
        return found._replace(ids=tf.pad(found.ids, lacking, constant_values=pad_id))

    def steered(
        self, rows: dict[str, tf.Tensor], most: int, limits: tf.Tensor | None
    ) -> tuple[tuple[Callable, ...], tf.Tensor | None]:
        """The processors for some rows, and the most tokens of each, `most` where there are none.

        A page whose texts are to be of a certain form says so here.
        """
        return self.processors, limits

    def written(self, decoded: Any) -> list[list[Written]]:
        """What of each row of a batch a strategy has decoded, best first."""
        count, longest = decoded.ids.shape[1], int(decoded.lengths.max(initial=1))
        ids = decoded.ids[..., :longest].reshape(-1, longest)
        texts = self.target_tokenizer.decode(ids)
        finished = has_ended(decoded, self.generation.end_ids).numpy()
        return [
            [
                Written(text, float(score), bool(end))
                for text, score, end in zip(texts[row * count :], scores, ends, strict=False)
                if np.isfinite(score)
            ]
            for row, (scores, ends) in enumerate(zip(decoded.scores, finished, strict=True))
        ]

    def answers(self, found: Any, known: Any) -> dict[str, dict[str, tf.Tensor]]:
        count = found.ids.shape[1]
        longest = tf.reduce_max(tf.concat([tf.reshape(found.lengths, [-1]), [1]], axis=0))
        flat = tf.reshape(found.ids[..., :longest], [-1, longest])
        texts = tf.reshape(self.target_tokenizer.detokenize(flat), [-1, count])
        # Nothing becomes nothing, whatever the model would say.
        nothing = known["is_empty"][:, None]
        n_best = {
            self.output: tf.where(nothing, "", texts),
            "scores": tf.where(nothing, 0.0, found.scores),
            "finished": nothing | has_ended(found, self.generation.end_ids),
        }
        best = {name: value[:, 0] for name, value in n_best.items()}
        return {"serving_default": {**best, "cut": known["cut"]}, "n_best": n_best}


def manners_of(folder: pathlib.Path, given: Given, kind: str, prefix: str | None) -> dict[str, Any]:
    """What a folder of Hugging Face says of how texts are read and written.

    Args:
        folder: the folder.
        given: what was read of it.
        kind: what the names of its parameters in `task_specific_params` begin with.
        prefix: what stands before each text; None: as the folder says.
    """
    pieces = (given.target or given.tokenizer).vocab_size
    options, prefix = folder_options(folder, kind, pieces, prefix)
    start = start_of_targets(folder, pieces)
    return {
        "options": options,
        "prefix": prefix,
        "start_id": getattr(given.model, "start_id", None) if start is None else start,
        "template": given.template,
        "max_source_length": given.max_length,
    }


def start_of(model: Any, tokenizer: Any) -> int:
    """The token that targets begin with: the tokenizer's; where it has none, the model's, or -1."""
    return tokenizer.special_ids.get("start", getattr(model, "start_id", -1))


def _ban_from(pieces: int, scores: Any, ids: Any, lengths: Any) -> Any:
    """A processor for models that know more ids than there are pieces: these say nothing."""
    return tf.where(tf.range(tf.shape(scores)[1]) < pieces, scores, -float("inf"))
