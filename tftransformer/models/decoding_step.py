"""DecodingStep: what a decoding strategy drives, the same for all models."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, NamedTuple, cast

import keras
import numpy as np
from keras import ops

from tftransformer.core import check_ints, require
from tftransformer.core.compiling import concrete, is_tracing, outside_graphs, shapes_may_grow
from tftransformer.stacks.cached_stack import Prompts


class DecodingSettings(NamedTuple):
    """The settings of a decoding that are not tensors.

    Attributes:
        cache_length: how many tokens the cache can hold; None: it grows.
        num_beams: rows for each prompt.
        head: the head that gives the logits.
        padded: whether prompts may contain padding.
        hidden: whether the cache holds hidden states.
    """

    cache_length: int | None
    num_beams: int
    head: str
    padded: bool = False
    hidden: bool = False


class Traces(dict):
    """Compiled functions of a model, by settings; the oldest is dropped when there are many."""

    most = 32

    def __setitem__(self, key: Any, value: Any) -> None:
        while len(self) >= self.most:
            del self[next(iter(self))]
        super().__setitem__(key, value)


class DecodingStep:
    """A cached call: `step(ids, cache, position) -> (logits, cache)`.

    It runs new tokens, int ids (rows, n), the first of them in column `position`, and returns the
    logits (rows, vocabulary) after the last. The cache is any nested structure, possibly empty, of
    tensors with rows as their first axis, whose shapes do not change. Models make their steps in
    `start_decoding`; your own step is a function:

    >>> table = np.random.default_rng(0).normal(size=(10, 10)).astype("float32")
    >>> def bigrams(ids, cache, position):
    ...     return keras.ops.take(table, ids[:, -1], axis=0), cache
    >>> step = DecodingStep(bigrams)
    >>> step(np.array([[2], [5]]), step.cache, 0)[0].shape
    TensorShape([2, 10])

    Args:
        function: the call.
        cache: the first cache.
        cache_length: how many columns the cache has room for; None = unknown.

    Attributes:
        rows: number of rows of the cache, or None if unknown.
        prompt_mask: bool (prompts, columns), True = a real token; None: all are real.
        num_positions: how many positions the model has; None = no limit.
        grows: whether the shapes of the cache change with each step.
    """

    def __init__(self, function: Callable, cache: Any = (), cache_length: int | None = None):
        if not callable(function):
            raise TypeError(f"a DecodingStep needs a function, not {function!r}.")
        check_ints(1, or_none=True, cache_length=cache_length)
        self._begun: tuple[Callable, Any] | None = (function, cache)
        self.cache_length = cache_length
        self.prompt_mask: Any = None
        self.num_positions: int | None = None
        self.start: Start | None = None
        self.grows = False

    @classmethod
    def of_model(
        cls, model: Any, inputs: Mapping[str, Any], settings: DecodingSettings
    ) -> "DecodingStep":
        """Returns the step of a model that defines `begin_decoding(inputs, settings)`."""
        step = cls.__new__(cls)
        step._begun, step.start = None, Start(model, dict(inputs), settings)
        step.cache_length = settings.cache_length
        step.grows = settings.cache_length is None
        step.prompt_mask = inputs["prompt_mask"] if settings.padded else None
        step.num_positions = num_positions(model.decoding_stack)
        if is_tracing(inputs):
            step._begin()
        return step

    def _begin(self) -> tuple[Callable, Any]:
        if self._begun is None:
            model, inputs, settings = cast(Start, self.start)
            self._begun = model.begin_decoding(inputs, settings)
        return cast(tuple[Callable, Any], self._begun)

    @property
    def cache(self) -> Any:
        """The first cache."""
        return self._begin()[1]

    @property
    def rows(self) -> int | None:
        """Number of rows that it runs, for all prompts together; None if unknown."""
        if self.start is not None:
            inputs = {name: x for name, x in self.start.inputs.items() if name != "prefix"}
            prompts = keras.tree.flatten(inputs)[0].shape[0]
            return None if prompts is None else prompts * self.start.settings.num_beams
        leaves = keras.tree.flatten(self.cache)
        return np.shape(leaves[0])[0] if leaves and len(leaves[0].shape) else None

    def __call__(self, ids: Any, cache: Any, position: Any) -> tuple[Any, Any]:
        return self._begin()[0](ids, cache, position)


class Start(NamedTuple):
    """What a model starts decoding from, for a compiled decoding to repeat on other inputs."""

    model: Any
    inputs: dict[str, Any]
    settings: DecodingSettings

    def key(self) -> tuple:
        """What a trace depends on besides the shapes of the inputs."""
        return (self.settings, tuple(map(id, self.model.weights)))


class DecodingModel:
    """Mixin of the models that can decode.

    A subclass has `decoding_stack`, the stack with the cache, and defines `check_mask()`, which
    raises an error if the mask shows tokens that are not written yet; `decoding_inputs(inputs,
    head)`, which checks and completes the inputs; and `begin_decoding(inputs, settings)`, the
    function of the step and its first cache.
    """

    # Whether the tokens of a prefix are all that their keys and values depend on: `read_prefix`.
    reads_prefix: ClassVar[bool] = False
    # Whether a step has a hidden state for each token it is given.
    keeps_hidden: ClassVar[bool] = True
    # Whether the logits at a token foresee the one behind it, in a step and in training alike.
    foresees_next: ClassVar[bool] = True
    check_mask: Callable[[], None]
    check_prefix: Callable[[Any, Any], None]
    built: bool
    build: Callable[..., Any]
    decoding_stack: Any
    decoding_inputs: Callable[[Any, str], dict[str, Any]]
    _traces: "Holder"

    @property
    def traces(self) -> Traces:
        """The functions that strategies compiled for this model."""
        if "_traces" not in self.__dict__:
            # Past Keras, which would search it for layers.
            object.__setattr__(self, "_traces", Holder(Traces()))
        return self._traces.held

    def check_decoding(self, hidden: bool = False) -> None:
        """Raises a ValueError for a model that cannot write from left to right with a cache.

        Args:
            hidden: whether a step also has to provide hidden states.
        """
        stack = self.decoding_stack
        if self.traces.get("writes") != id(stack):
            self.check_mask()
            stack.check_cacheable()
            self.traces["writes"] = id(stack)
        if hidden and not self.keeps_hidden:
            raise ValueError(
                f"{type(self).__name__} has no hidden state for each token, which contrastive "
                "search compares: decode in another way."
            )

    def start_decoding(
        self,
        inputs: Any,
        *,
        cache_length: int | None = None,
        num_beams: int = 1,
        head: str = "lm",
        prefix: Any = None,
        hidden: bool = False,
    ) -> DecodingStep:
        """Returns the step with which a decoding strategy continues prompts.

        Each prompt is continued after its last token, wherever its padding is, and no row depends
        on the others: token positions number the real tokens from 0, and no token sees padding.
        Generated tokens never count as padding, whatever their id.

        Args:
            inputs: the inputs of the class, see there.
            cache_length: how many tokens, those of the prompt included, the cache can hold; None:
                it grows with each step, which is faster, but works neither under XLA nor on JAX.
            num_beams: rows for each prompt.
            head: the head that gives the logits.
            prefix: what `read_prefix` returned for the tokens that all prompts begin with, if any.
                The prompts still contain these tokens, but they are not computed again.
            hidden: whether the cache holds the hidden states of all tokens, for
                `ContrastiveSearch`: `hidden`, (rows, length, d_model).

        Raises:
            ValueError: if the model cannot write from left to right, has fewer positions than the
                cache is long, or the inputs do not fit the class.
        """
        check_ints(1, num_beams=num_beams)
        check_ints(1, or_none=True, cache_length=cache_length)
        if cache_length is None and not shapes_may_grow():
            raise ValueError(
                f"the cache cannot grow on {keras.backend.backend()}: give cache_length, the most "
                "tokens that it has to hold."
            )
        if not self.built:
            self.build()
        self.check_decoding(hidden)
        known = num_positions(self.decoding_stack)
        if known is not None and cache_length is not None and cache_length > known:
            raise ValueError(
                f"cache_length={cache_length} is more than the {known} positions of the model."
            )
        inputs = self.decoding_inputs(inputs, head)
        mask, padded = inputs.get("prompt_mask"), False
        if mask is not None:
            if cache_length is not None and (mask.shape[1] or 0) > cache_length:
                raise ValueError(
                    f"the prompts have {mask.shape[1]} columns and the cache room for "
                    f"{cache_length}: raise cache_length, which counts the prompt, too."
                )
            values = concrete(mask)
            padded = values is None or not values.all()
        if prefix is not None:
            require(self.reads_prefix, "prefix", prefix, f"None: {type(self).__name__} takes none")
            self.check_prefix(inputs, prefix)
            inputs = {**inputs, "prefix": prefix}
        if hidden:
            require(prefix is None, "prefix", prefix, "None: its hidden states are not known")
        settings = DecodingSettings(cache_length, num_beams, head, padded, hidden)
        return DecodingStep.of_model(self, inputs, settings)


class Holder(NamedTuple):
    """A container that Keras does not look into."""

    held: Any


def repeated(x: Any, times: int) -> Any:
    """Returns a structure of tensors with each row `times` times."""
    if times == 1:
        return x
    return keras.tree.map_structure(lambda leaf: ops.repeat(leaf, times, axis=0), x)


def prompts_of(inputs: Mapping[str, Any], settings: DecodingSettings) -> Prompts:
    """Returns the prompts of inputs that hold `prompt_mask`, with the rows of the beams."""
    mask = repeated(inputs["prompt_mask"], settings.num_beams)
    rows, width = ops.shape(mask)
    return Prompts(rows, width, mask if settings.padded else None)


def num_positions(stack: Any) -> int | None:
    """Returns how many positions a stack has, or None for no limit."""
    position = getattr(stack.embeddings, "position", None)
    return getattr(position, "num_positions", None)


def check_causal(masks: Iterable[Any], name: str) -> None:
    """Raises a ValueError if one of the masks may show tokens that are not written yet."""
    for mask in masks:
        with outside_graphs():
            none = np.zeros(1, "int32")
            # A prefix is a part of the prompt, which is there as a whole.
            high = mask.reach(0, 0, {"prefix_lengths": none, "memory_lengths": none}).high
            sees = high is None or int(high) > 0
        require(
            not sees,
            name,
            mask,
            "a mask that shows no token after the query, for what is not written yet cannot be "
            f"seen: mask={mask!r} & CausalMask(); a mask of your own says so by `reach`",
        )
