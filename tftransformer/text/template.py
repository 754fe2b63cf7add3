"""How one or two texts are joined to a row."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from tftransformer.core import Configurable, Ragged, check_choice, register, require, splits_of
from tftransformer.text.checks import ROLES

TEXTS = ("a", "b")


class Part(NamedTuple):
    """A part of a row: a text or a special token, and its segment."""

    name: str
    segment: int


@register
class Template(Configurable):
    """Joins one or two rows of ids, with special tokens around and between them.

    A template is written as it reads: `a` and `b` are the texts, the others are special tokens, by
    role (`cls`, `sep`, `start`, `end`, …: see `Tokenizer.special_ids`) or, if they have no role, by
    id (`#7`). `:1` puts a part into segment 1; the default is segment 0. Outside a graph, call it
    with `Ragged`; inside, use `in_graph` with ragged tensors. Both give the same rows.

    Args:
        single: how one text becomes a row.
        pair: how two texts become a row.
        cut_side: the side on which texts lose tokens where a row is too long: "right", their ends,
            or "left", their beginnings.

    Example:

    >>> bert = Template("cls a sep", "cls a sep b:1 sep:1")
    >>> first, second = tt.core.Ragged.from_rows([[7, 8]]), tt.core.Ragged.from_rows([[9]])
    >>> ids, segment_ids = bert(first, second, {"cls": 2, "sep": 3})
    >>> ids.tolist(), segment_ids.tolist()
    ([[2, 7, 8, 3, 9, 3]], [[0, 0, 0, 0, 1, 1]])
    >>> bert.num_special(pair=True)
    3
    """

    def __init__(self, single: str = "a", pair: str = "a b", cut_side: str = "right"):
        check_choice(("right", "left"), cut_side=cut_side)
        self.single, self.pair, self.cut_side = single, pair, cut_side
        self._parts = {
            "single": _parse("single", single, ("a",)),
            "pair": _parse("pair", pair, TEXTS),
        }

    @classmethod
    def bert(cls) -> "Template":
        """BERT's: `[CLS] a [SEP] b [SEP]`, the second text and its end in segment 1."""
        return cls("cls a sep", "cls a sep b:1 sep:1")

    @classmethod
    def roberta(cls) -> "Template":
        """RoBERTa's and BART's: `<s> a </s></s> b </s>`, all in one segment."""
        return cls("cls a sep", "cls a sep sep b sep")

    @classmethod
    def xlnet(cls) -> "Template":
        """XLNet's: `a <sep> b <sep> <cls>`, where `<cls>` has its own segment, 2."""
        return cls("a sep cls:2", "a sep b:1 sep:1 cls:2")

    @classmethod
    def plain(cls) -> "Template":
        """The default of tokenizers learnt here: `<s> a </s> b </s>`, all in one segment."""
        return cls("start a end", "start a end b end")

    @classmethod
    def bare(cls) -> "Template":
        """Hugging Face's default if a tokenizer.json has no template: `a b`, `b` in segment 1."""
        return cls("a", "a b:1")

    def without_segments(self) -> "Template":
        """The same rows in one segment."""
        single, pair = (" ".join(part.name for part in row) for row in self._parts.values())
        return Template(single, pair, self.cut_side)

    @property
    def parts(self) -> dict[str, tuple[Part, ...]]:
        """What a row is made of, under `"single"` and `"pair"`."""
        return dict(self._parts)

    def num_special(self, pair: bool) -> int:
        """Number of special tokens in a row of one text, or of a pair."""
        parts = self._parts["pair" if pair else "single"]
        return sum(part.name not in TEXTS for part in parts)

    def segments(self, pair: bool) -> int | None:
        """Number of segments in a row of one text, or of a pair; None: only one."""
        count = 1 + max(part.segment for part in self._parts["pair" if pair else "single"])
        return count if count > 1 else None

    def num_before(self, name: str, pair: bool) -> int | None:
        """Number of special tokens before a part, such as `"b"` or `"cls"`.

        Returns:
            the number, not counting texts; None if there is no such part.
        """
        names = [part.name for part in self._parts["pair" if pair else "single"]]
        if name not in names:
            return None
        return sum(before not in TEXTS for before in names[: names.index(name)])

    def around(self, fill: int = 0) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """A number in place of each special token before and behind a lone text."""
        before = self.num_before("a", False) or 0
        return (fill,) * before, (fill,) * (self.num_special(False) - before)

    def ids_around(self, special_ids: Mapping[str, int]) -> tuple[list[int], list[int]]:
        """The ids of the special tokens before and behind a lone text.

        Args:
            special_ids: special ids of the tokenizer.
        """
        parts = self._checked(False, special_ids)
        place = [part.name for part in parts].index("a")
        before, behind = (
            [_id(part.name, special_ids) for part in side]
            for side in (parts[:place], parts[place + 1 :])
        )
        return before, behind

    def place_of(self, name: str, lengths: Sequence[Any]) -> Any:
        """Number of tokens before a part, given the lengths of the texts `a` and perhaps `b`.

        Returns:
            an int, array or tensor, as the lengths are.
        """
        pair = len(lengths) > 1
        names = [part.name for part in self._parts["pair" if pair else "single"]]
        before = names[: names.index(name)]
        texts = [length for text, length in zip(TEXTS, lengths, strict=False) if text in before]
        return sum(texts, sum(part not in TEXTS for part in before))

    def __call__(
        self, first: Ragged, second: Ragged | None, special_ids: Mapping[str, int]
    ) -> tuple[Ragged, Ragged]:
        """Joins rows outside of a graph.

        Args:
            first: ids of the first texts.
            second: ids of the second texts, as many rows; None: there is one text a row.
            special_ids: special ids of the tokenizer.

        Returns:
            ids and segment ids, both with a row for each row of `first`.

        Raises:
            ValueError: the vocabulary lacks a special token, or the numbers of rows differ.
        """
        parts = self._checked(second is not None, special_ids)
        texts = {"a": first} if second is None else {"a": first, "b": second}
        if second is not None and len(first) != len(second):
            raise ValueError(
                f"a pair takes as many second texts as first ones, got {len(first)} first and "
                f"{len(second)} second ones"
            )
        widths = [
            texts[part.name].lengths if part.name in TEXTS else np.ones(len(first), np.int64)
            for part in parts
        ]
        row_splits = splits_of(np.sum(widths, axis=0))
        ids, segments = np.empty((2, row_splits[-1]), np.int32)
        at = row_splits[:-1]
        for part, width in zip(parts, widths, strict=True):
            if part.name in TEXTS:
                text = texts[part.name]
                values = text.values[text.row_splits[0] : text.row_splits[-1]]
                places = np.repeat(at - text.row_splits[:-1], width) + np.arange(len(values))
                places += text.row_splits[0]
            else:
                values, places = np.asarray(_id(part.name, special_ids)), at
            ids[places], segments[places] = values, part.segment
            at = at + width
        return Ragged(ids, row_splits), Ragged(segments, row_splits)

    def in_graph(
        self,
        first: tf.RaggedTensor,
        second: tf.RaggedTensor | None,
        special_ids: Mapping[str, int],
    ) -> tuple[tf.RaggedTensor, tf.RaggedTensor]:
        """Joins rows in a graph or eagerly: what calling the template does, for ragged tensors.

        Args:
            first: ids of the first texts, int32 (batch, None).
            second: ids of the second texts, or None.
            special_ids: special ids of the tokenizer.

        Returns:
            ids and segment ids, int32 RaggedTensors (batch, None).

        Raises:
            ValueError: the vocabulary lacks a special token.
        """
        parts = self._checked(second is not None, special_ids)
        texts = {"a": first} if second is None else {"a": first, "b": second}
        ids, segments = [], []
        for part in parts:
            if part.name in TEXTS:
                values = texts[part.name]
            else:
                values = tf.fill(
                    [first.nrows(), 1], tf.cast(_id(part.name, special_ids), first.dtype)
                )
            ids.append(values)
            segments.append(tf.ones_like(values) * part.segment)
        return tf.concat(ids, axis=1), tf.concat(segments, axis=1)

    def _checked(self, pair: bool, special_ids: Mapping[str, int]) -> tuple[Part, ...]:
        """The parts, whose special tokens are all there."""
        parts = self._parts["pair" if pair else "single"]
        for part in parts:
            if part.name in ROLES and part.name not in special_ids:
                raise ValueError(
                    f"{self!r} needs a special token {part.name!r} and the vocabulary has "
                    f"{', '.join(map(repr, special_ids)) or 'none'}: give a tokenizer that knows "
                    "it, or another template"
                )
        return parts

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, Template) and self._told == other._told

    def __hash__(self) -> int:
        return hash(self._told)

    def __repr__(self) -> str:
        side = "" if self.cut_side == "right" else f", cut_side={self.cut_side!r}"
        return f"Template({self.single!r}, {self.pair!r}{side})"

    @property
    def _told(self) -> tuple[Any, ...]:
        """What tells it from another."""
        return self._parts["single"], self._parts["pair"], self.cut_side


def _parse(argument: str, text: str, texts: tuple[str, ...]) -> tuple[Part, ...]:
    """The parts of a template; raises a ValueError where it could not be followed."""
    expected = f"{' and '.join(texts)} once each, and names among {', '.join(ROLES)}, with blanks "
    expected += "between them and perhaps a segment behind, as in 'cls a sep b:1 #7:1'"
    require(isinstance(text, str), argument, text, expected)
    parts = []
    for word in text.split():
        name, colon, segment = word.partition(":")
        known = name in (*texts, *ROLES) or (name[:1] == "#" and name[1:].isdecimal())
        known &= segment.isdecimal() or not colon
        require(known, argument, text, expected)
        parts.append(Part(name, int(segment or 0)))
    names = [part.name for part in parts]
    require(all(names.count(name) == 1 for name in texts), argument, text, expected)
    return tuple(parts)


def _id(name: str, special_ids: Mapping[str, int]) -> int:
    """The id of a special token, by what it is for or as it stands."""
    return int(name[1:]) if name.startswith("#") else special_ids[name]
