"""Texts changed before they are cut, each of whose characters knows where it came from."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tftransformer.text.normal_form import Normal, NormalForm

MARK = b"\xff"  # a byte that UTF-8 never has


class Rewriter(tf.Module):
    """Changes texts step by step.

    Args:
        steps: each a list of the name and what it takes: `["replace", pattern, content]`, a
            regular expression of RE2's and a plain string; `["replace", pattern, content, before,
            behind]`, only where expressions match the text before and behind it, which stays (no
            character counts for two matches; no expression has groups); `["form", name]`, see
            `NormalForm`; `["lower"]`.

    Raises:
        ValueError: a step is not known.
    """

    def __init__(self, steps: Sequence[Sequence[str]]):
        super().__init__()
        self.steps = tuple(map(tuple, steps))
        self._forms = {step[1]: NormalForm(step[1]) for step in self.steps if step[0] == "form"}
        self._lower = NormalForm("lower") if ("lower",) in self.steps else None
        for step in self.steps:
            if step[0] not in ("replace", "form", "lower"):
                raise ValueError(f"a step {step} is not known; known: replace, form, lower")

    def __call__(self, texts: tf.Tensor) -> tf.Tensor:
        """Changes strings (batch,) of valid UTF-8."""
        for kind, *options in self.steps:
            if kind == "replace":
                pattern, content, *around = options
                content = content.replace("\\", r"\\")
                if around:
                    pattern, content = _between(pattern, content, *around)
                texts = tf.strings.regex_replace(texts, pattern, content)
            else:
                texts = self._character_wise(kind, options)(texts).texts
        return texts

    def with_places(self, texts: tf.Tensor) -> Normal:
        """Changes texts and says of each character which one of the given text it was."""
        count = tf.strings.length(texts, unit="UTF8_CHAR")
        made = Normal(texts, tf.ragged.range(count))
        for kind, *options in self.steps:
            if kind == "replace":
                step = _replaced(made.texts, *options)
            else:
                step = self._character_wise(kind, options)(made.texts)
            made = Normal(step.texts, _followed(step.source, made.source))
        return made

    def _character_wise(self, kind: str, options: Sequence[Any]) -> NormalForm:
        made = self._lower if kind == "lower" else self._forms[options[0]]
        assert made is not None
        return made


def traced_back(
    starts: tf.RaggedTensor, ends: tf.RaggedTensor, source: tf.RaggedTensor
) -> tuple[tf.RaggedTensor, tf.RaggedTensor]:
    """Places in the given texts of those in texts that were changed.

    Args:
        starts, ends: int32 (batch, None), half open.
        source: of each character of the changed texts the number of its character.
    """
    row = starts.value_rowids()
    first, length = (
        tf.cast(tf.gather(x, row), tf.int32) for x in (source.row_starts(), source.row_lengths())
    )
    flat = tf.concat([source.flat_values, [0]], axis=0)
    start, end = starts.flat_values, ends.flat_values
    last = tf.where(length > 0, tf.gather(flat, first + tf.maximum(length - 1, 0)) + 1, 0)
    begin = tf.where(
        start < length, tf.gather(flat, first + tf.minimum(start, tf.maximum(length - 1, 0))), last
    )
    stop = tf.gather(flat, first + tf.maximum(end - 1, 0)) + 1
    stop = tf.where(end > start, tf.maximum(stop, begin), begin)
    return starts.with_flat_values(begin), ends.with_flat_values(stop)


def _between(pattern: str, content: Any, before: str, behind: str) -> tuple[str, Any]:
    """Expression and replacement of what stands between two texts that stay."""
    first, last = (rb"\1", rb"\3") if isinstance(content, bytes) else (r"\1", r"\3")
    return f"({before})({pattern})({behind})", first + content + last


def _replaced(texts: tf.Tensor, pattern: str, content: str, *around: str) -> Normal:
    """What is put in stands where the last character of what it replaces stood.

    Where it replaces nothing, it stands where the character before it does.
    """
    if around:
        marked = tf.strings.regex_replace(texts, *_between(pattern, MARK + rb"\2" + MARK, *around))
    else:
        marked = tf.strings.regex_replace(texts, f"({pattern})", MARK + rb"\1" + MARK)
    rows = tf.strings.split(marked, MARK)  # kept, replaced, kept, …
    is_new = tf.ragged.range(rows.row_lengths()).flat_values % 2 == 1
    parts = tf.where(is_new, content, rows.flat_values)
    old = tf.strings.length(rows.flat_values, unit="UTF8_CHAR")
    new = tf.strings.length(parts, unit="UTF8_CHAR")
    sums = tf.cumsum(old, exclusive=True)
    firsts = tf.gather(tf.concat([sums, [0]], axis=0), rows.row_starts())
    at = sums - tf.gather(firsts, rows.value_rowids())
    part = tf.repeat(tf.range(tf.size(new)), new)
    within = tf.ragged.range(new).flat_values
    place = tf.gather(at, part)
    last = tf.maximum(place + tf.gather(old, part) - 1, 0)
    source = tf.where(tf.gather(is_new, part), last, place + within)
    splits = tf.gather(tf.concat([[0], tf.cumsum(new)], axis=0), rows.row_splits)
    return Normal(
        tf.strings.reduce_join(rows.with_flat_values(parts), axis=-1),
        tf.RaggedTensor.from_row_splits(source, tf.cast(splits, tf.int64), validate=False),
    )


def _followed(step: tf.RaggedTensor, before: tf.RaggedTensor) -> tf.RaggedTensor:
    """Of each character where it came from, by the last step and by those before it."""
    first = tf.cast(tf.gather(before.row_starts(), step.value_rowids()), tf.int32)
    return step.with_flat_values(tf.gather(before.flat_values, first + step.flat_values))
