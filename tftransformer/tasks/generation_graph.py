"""GenerationGraph."""

import functools
import re
from collections.abc import Iterator, Sequence
from typing import Any

import tensorflow as tf

from tftransformer.core.selection import among
from tftransformer.decoding import DecodingStep, StopStrings
from tftransformer.serving import TaskGraph
from tftransformer.tasks.generation import Generation
from tftransformer.text.one_call import traced_apart


class GenerationGraph(TaskGraph):
    """From prompts to what a language model writes behind them.

    `serving_default` gives `generated_text`, string (batch,), what is new alone; `score`, float32
    (batch,), what the strategy ranks by; `finished`, bool (batch,): whether the text ended of its
    own, by the end token or a stop string; and `cut`, bool (batch,): which prompts were too long
    and lost their beginnings. `n_best` gives the first three as (batch, n): what was searched best
    first, what was drawn in the order of the draws.

    Args:
        tokenizer: tokenizer of the texts.
        template: how a text becomes a row, of which what stands behind the text is left out.
        generation: how to write.
        max_new_tokens: most new tokens of a text.
        room: most tokens of a prompt, special ones included.
    """

    inputs = ("prompts",)
    signatures = ("serving_default", "n_best")
    numbers = ("row_numbers",)
    kept = "ends"
    max_length: int

    def __init__(
        self,
        *,
        tokenizer: Any,
        template: Any,
        generation: Generation,
        max_new_tokens: int,
        room: int,
    ):
        self.tokenizer, self.template, self.generation = tokenizer, template, generation
        self.max_new_tokens, self.max_length = max_new_tokens, room
        self.tracked = [tokenizer]
        special = tokenizer.special_ids
        self.pad_id = special.get("pad", 0)
        self.fills = {"token_ids": self.pad_id, "padding_mask": 0}
        self.before, _ = template.ids_around(special)
        # What a text begins with that has no token, if there is any.
        first = [special[name] for name in ("start", "end") if name in special][:1]
        self.begins_empty = self.before or first
        if room <= len(self.before):
            most = max_new_tokens + room - len(self.before) - 1
            raise ValueError(
                f"max_new_tokens={max_new_tokens} leaves no room for a prompt in the positions "
                f"that the model knows: behind one of a single token there is room for {most}."
            )
        self.stop, self.cuts = None, ""
        if generation.stop:
            start, end = tokenizer.strips
            self.stop = StopStrings(
                tokenizer.surfaces,
                generation.stop,
                strips_start=start,
                strips_end=end,
                behind=" " if tokenizer.ends_words else "",
            )
            # RE2 takes the first place where any of them stands.
            self.cuts = f"(?s)(?:{'|'.join(map(re.escape, generation.stop))}).*"

    def encode(self, prompts: tf.Tensor) -> tuple[dict[str, tf.Tensor], Any]:
        ids = self.tokenizer.tokenize(tf.convert_to_tensor(prompts, tf.string))
        room = self.max_length - len(self.before)
        cut = ids.row_lengths() > room
        ids = ids[:, -room:]
        rows = ids.nrows()
        led = tf.reshape(tf.constant(self.before, tf.int32), [1, -1])
        whole = tf.concat([tf.repeat(led, rows, axis=0), ids], axis=1)
        if not self.before:  # a row has a token at least
            empty = tf.cast(whole.row_lengths() == 0, tf.int32)
            first = tf.constant(self.begins_empty[:1] or [self.pad_id], tf.int32)
            lone = tf.RaggedTensor.from_row_lengths(
                tf.repeat(first, tf.reduce_sum(empty)), tf.cast(empty, whole.row_splits.dtype)
            )
            whole = tf.concat([lone, whole], axis=1)
        inputs = {
            "token_ids": whole.to_tensor(self.pad_id),
            "padding_mask": tf.ones_like(whole).to_tensor(0),
            "row_numbers": tf.range(rows),
        }
        inputs = {name: tf.cast(x, tf.int32) for name, x in inputs.items()}
        return inputs, {"cut": cut, "prompt_ids": ids}

    def compute(
        self, model: Any, rows: dict[str, tf.Tensor], fixed: bool, prefix: Any = None
    ) -> Any:
        """Returns what the strategy decodes; `prefix` is what all rows begin with, if known."""
        step, how = self.started(model, rows, fixed, prefix)
        found = self.generation.strategy(step, rows["token_ids"], **how)
        return without_forced_ends(found, self.generation, how["limits"])

    def beginning(self, prompts: list[str]) -> list[int]:
        """The tokens that all rows begin with, less than the whole of any."""
        rows, _ = self.encode_at_once(tf.constant(prompts, tf.string))
        ids, lengths = rows["token_ids"].numpy(), rows["padding_mask"].numpy().sum(axis=1)
        same = (ids == ids[:1]).all(axis=0)[: lengths.min() - 1]
        return ids[0, : len(same) if same.all() else same.argmin()].tolist()

    def stream(self, model: Any, prompt: str, first: int) -> tuple[bool, Iterator[str]]:
        """Whether a prompt was cut, and what is written behind it, piece by piece.

        Args:
            model: the model.
            prompt: the prompt.
            first: its number, in [0, 2³²), for what is drawn.
        """
        rows, known = self.encode_at_once(tf.constant([prompt], tf.string))
        rows |= {"row_numbers": tf.bitcast(tf.constant([first], tf.uint32), tf.int32)}
        step, how = self.started(model, rows, fixed=False)
        tokens = self.generation.strategy.stream(step, rows["token_ids"], **how)
        return bool(known["cut"][0]), self._pieces(known["prompt_ids"], tokens)

    def _pieces(self, prompt_ids: tf.RaggedTensor, stream: Iterator[Any]) -> Iterator[str]:
        """What the tokens of a stream add to a text, as soon as it is sure."""
        new: list[int] = []
        text = given = ""
        for tokens in stream:
            new.append(int(tokens[0]))
            found = self.new_text_at_once(prompt_ids, tf.constant([new], tf.int32))
            text = found.numpy()[0].decode()
            text = re.sub(self.cuts, "", text) if self.cuts else text
            sure = text[: len(text) - self._unsure(text)]
            if len(sure) > len(given):
                yield sure[len(given) :]
                given = sure
        if len(text) > len(given):
            yield text[len(given) :]

    def _unsure(self, text: str) -> int:
        """How many characters at the end of a text may still become others, or go."""
        # Bytes of a character that is not complete are U+FFFD until it is.
        ends = {text, text.rstrip("\ufffd")}
        counts = [len(text) - len(end) for end in ends]
        for stop in self.generation.stop:
            begun = [(end, n) for end in ends for n in range(len(stop)) if end.endswith(stop[:n])]
            counts += [len(text) - len(end) + n for end, n in begun]
        return max(counts)

    def started(
        self, model: Any, rows: dict[str, tf.Tensor], fixed: bool, prefix: Any = None
    ) -> tuple[DecodingStep, dict[str, Any]]:
        """The step for some rows, and what the strategy is told besides."""
        how, most = self.generation, self.max_new_tokens
        hidden = how.strategy.reads_hidden
        step = model.start_decoding(
            {
                "token_ids": rows["token_ids"],
                "padding_mask": tf.cast(rows["padding_mask"], tf.bool),
            },
            # The last token that is written is not read, but where hidden states are compared.
            cache_length=self.max_length + most - (not hidden) if fixed else None,
            num_beams=how.strategy.rows_per_prompt,
            hidden=hidden,
            prefix=prefix,
        )
        limits = None
        if how.max_length is not None:
            limits = how.max_length - tf.reduce_sum(rows["padding_mask"], axis=1)
        return step, {
            "max_new_tokens": most,
            "end_id": how.end_ids,
            "pad_id": self.pad_id,
            "processors": how.processors,
            "row_numbers": rows["row_numbers"],
            "limits": limits,
            "stop": self.stop,
        }

    def by_text(self, found: Any, known: Any) -> dict[str, tf.Tensor]:
        """The texts of a batch, with ids and lengths of their tokens, (batch, n)."""
        prompts, count = known["prompt_ids"], tf.shape(found.ids)[1]
        flat = tf.reshape(tf.cast(found.ids, tf.int32), [-1, self.max_new_tokens])
        lengths = tf.reshape(found.lengths, [-1])
        new = tf.RaggedTensor.from_tensor(flat, lengths=lengths)
        rows = tf.repeat(tf.range(prompts.nrows()), tf.cast(count, prompts.row_splits.dtype))
        prompts = tf.gather(prompts, rows)
        new = new.with_row_splits_dtype(prompts.row_splits.dtype)
        texts = self.new_text(prompts, new)
        finished = has_ended(found, self.generation.end_ids)
        if self.stop is not None:
            ended = tf.strings.regex_replace(texts, self.cuts, "", replace_global=False)
            is_cut = tf.strings.length(ended) < tf.strings.length(texts)
            finished |= tf.reshape(is_cut, tf.shape(finished))
            texts = ended
        return {
            "generated_text": tf.reshape(texts, tf.shape(finished)),
            "score": found.scores,
            "finished": finished,
            "ids": found.ids,
            "lengths": found.lengths,
        }

    @functools.cached_property
    def new_text_at_once(self) -> Any:
        """`new_text` of ids (rows, n), as one function."""
        return traced_apart(
            lambda prompts, new: self.new_text(prompts, tf.RaggedTensor.from_tensor(new)),
            input_signature=[
                tf.RaggedTensorSpec([None, None], tf.int32, 1),
                tf.TensorSpec([None, None], tf.int32),
            ],
            autograph=False,
        )

    def new_text(self, prompts: tf.RaggedTensor, new: tf.RaggedTensor) -> tf.Tensor:
        """What new ids add to the text of the prompts' ids: string (rows,)."""
        before = self.tokenizer.detokenize(prompts)
        whole = self.tokenizer.detokenize(tf.concat([prompts, new], axis=1))
        size = tf.minimum(tf.strings.length(before), tf.strings.length(whole))
        begins = tf.strings.substr(whole, tf.zeros_like(size), size)
        rest = tf.strings.substr(whole, size, tf.fill(tf.shape(size), 2**30))
        # A prompt may end within a character that what follows completes.
        return tf.where(begins == before, rest, self.tokenizer.detokenize(new, continues=True))

    def answers(self, found: Any, known: Any) -> dict[str, dict[str, tf.Tensor]]:
        texts = self.by_text(found, known)
        n_best = {name: texts[name] for name in ("generated_text", "score", "finished")}
        best = {name: value[:, 0] for name, value in n_best.items()}
        return {"serving_default": {**best, "cut": known["cut"]}, "n_best": n_best}


def without_forced_ends(found: Any, generation: Generation, limits: Any) -> Any:
    """What was decoded, with lengths that do not count an end token which a limit forced.

    Args:
        found: `Decoded`, (batch, n) of each.
        generation: how it was decoded.
        limits: int32 tensor (batch,), most tokens of each; None: as many as there is room for.
    """
    if not generation.forces_end:
        return found
    most = tf.shape(found.ids)[2]
    limits = most if limits is None else tf.clip_by_value(limits, 1, most)[:, None]
    is_forced = (found.lengths == limits) & has_ended(found, generation.end_ids)
    return found._replace(lengths=found.lengths - tf.cast(is_forced, tf.int32))


def has_ended(found: Any, end_ids: Sequence[int]) -> tf.Tensor:
    """Which texts an end token ends, bool (batch, n), of `Decoded`; padding may have its id."""
    ids = tf.convert_to_tensor(found.ids)
    is_text = tf.range(tf.shape(ids)[2]) < tf.convert_to_tensor(found.lengths)[..., None]
    return tf.reduce_any(among(ids, end_ids) & is_text, axis=2)
