"""TextToText: what tasks share whose model reads a text and writes another."""

import types
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Self

import keras

from tftransformer.core import unallocated
from tftransformer.data import DataProcess
from tftransformer.data.saving import as_name
from tftransformer.data.vocabularies import one_for_each
from tftransformer.decoding import BeamSearch, Greedy
from tftransformer.models.headed_model import HeadedModel
from tftransformer.objectives import SequenceToSequence
from tftransformer.tasks.checks import (
    check_number,
    check_settings,
    check_special_ids,
    check_two_stacks,
    check_vocabularies,
)
from tftransformer.tasks.generation import Generation, generation_of
from tftransformer.tasks.generation_options import (
    GenerationOptions,
    check_drawing,
    check_ids,
    together,
    without_ends,
)
from tftransformer.tasks.given import (
    COLUMNS,
    Given,
    data_of,
    given_model,
    own_copy,
    positions_of,
    read_given,
)
from tftransformer.tasks.learners import learn_bpe, options_of_two
from tftransformer.tasks.pair_lengths import SERVED_LENGTH, source_limit, written_limit
from tftransformer.tasks.pretrained_folder import FolderParts, pair_parts
from tftransformer.tasks.scratch import sizes_of
from tftransformer.tasks.tables import with_prefix
from tftransformer.tasks.text_to_text_graph import TextToTextGraph, manners_of, start_of
from tftransformer.tasks.writing import WritingTask, Written, warn_of_long
from tftransformer.text import Template, load_tokenizer
from tftransformer.training import InverseSquareRootSchedule

TOKENIZERS = "source_tokenizer", "target_tokenizer"
# What of a folder's options a strategy takes the place of.
OF_STRATEGIES = {"num_beams", "num_return_sequences", "length_penalty", "early_stopping"}


class TextToText(WritingTask):
    """Base of the tasks whose model reads a text and writes another; a page says what it is for.

    With a trained model and its tokenizers, or a folder, it is ready at once; `fit` trains it
    further. Without them `fit` learns both from scratch. Nothing but white space becomes nothing.

    Args:
        model: a trained model with `start_decoding`, such as `Transformer`, or a folder of one that
            Hugging Face's library wrote, or `save`. Or, to train one from scratch, what is to
            differ from `sizes`, such as `{"num_layers": 2}` or `{"family": "T5"}`.
        tokenizers: of a trained model: whatever has a `source_tokenizer` and a `target_tokenizer`,
            such as the `DataProcess` that it was trained with; default: those of the folder. Else
            what is to be learnt, as `DataProcess` has it; default: see `learn_bpe`.
        strategy: how to decode; default `BeamSearch()`, or as the folder says. For several texts of
            each: `BeamSearch(num_return=4)`, or `Sampling(num_return=4)`.
        max_length: most tokens of what is written, the end token included, and in training of a
            text on either side. Default: as the folder says; else 128 in training, and twice as
            many as the source has, at least 128, in writing; never more than the positions that the
            model knows.
        max_source_length: most tokens of a source, the end token included; what is longer loses its
            end, or its beginning where the folder says so, which is warned of. Default: as many as
            model and tokenizer know, if they have a limit.
        processors: see `tftransformer.decoding`.
        batch_size: number of texts answered at once.
        parallel: parts of a batch that are computed at the same time, here and in exports that
            XLA does not compile. With a thread for each operation and one of them for each part
            (`TF_NUM_INTRAOP_THREADS=1 TF_NUM_INTEROP_THREADS=2`) two parts on two cores take less
            time than one on both; without these settings they take as much.
        options: how to write, by Hugging Face's names, such as `{"num_beams": 2}`; they count
            before what the folder says.
        prefix: what stands before each text that is read, to learn from it or to answer; default:
            as the folder says.
        vocab_size: pieces of the vocabulary that is learnt; by default at most so many.
        sampling_alpha: how often training cuts words anew at random, such as 0.1; see
            `DataProcess`. 0: as tokenizers that were given do it, which as a rule is never.
        batch_tokens: most tokens of a batch in training, on one side.
        label_smoothing: label smoothing of the loss.
        learning_rate: highest one; default 0.004 from scratch, else 0.0005.
        warmup_steps: updates until then.
        seed: seed of the weights, the order of rows and dropout.

    Attributes:
        kind: what the names of its parameters in a folder's `task_specific_params` begin with.
        output: name of what an export writes.
        writes: the class of what is computed.
        default_length: most tokens of a text in training, where nothing else says it.
        cuts_source: whether training reads a part of sources that are too long; else it
            leaves such rows out.
    """

    given = ("model", "tokenizers")
    readers = dict.fromkeys(TOKENIZERS, load_tokenizer)
    limit = "max_source_length"
    head = "lm"
    kind: str
    output: str
    writes: type[TextToTextGraph] = TextToTextGraph
    default_length = 128
    cuts_source = False
    tokenizer = None  # there are two
    # Norms before the sublayers learn faster than after where data are few.
    sizes = types.MappingProxyType(
        {"family": "Transformer", "num_layers": 4, "d_model": 128, "num_heads": 4, "dff": 256}
        | {"norm": "pre", "dropout": 0.2}
    )
    folder_: Mapping[str, Any] = {}

    def __init__(
        self,
        model: Any = None,
        tokenizers: Any = None,
        strategy: Any = None,
        max_length: int | None = None,
        max_source_length: int | None = None,
        processors: Sequence[Any] = (),
        batch_size: int = 32,
        parallel: int = 1,
        *,
        options: GenerationOptions | None = None,
        prefix: str | None = None,
        vocab_size: int = 8000,
        sampling_alpha: float = 0.0,
        batch_tokens: int = 2048,
        label_smoothing: float = 0.1,
        learning_rate: float | None = None,
        warmup_steps: int = 1000,
        seed: int = 0,
    ):
        self.model, self.tokenizers, self.strategy = model, tokenizers, strategy
        self.max_length, self.max_source_length = max_length, max_source_length
        self.processors, self.batch_size, self.parallel = tuple(processors), batch_size, parallel
        self.options, self.prefix = options, prefix
        self.vocab_size, self.sampling_alpha = vocab_size, sampling_alpha
        self.batch_tokens, self.label_smoothing = batch_tokens, label_smoothing
        self.learning_rate, self.warmup_steps, self.seed = learning_rate, warmup_steps, seed
        if self.is_given and self._has_tokenizers:
            self.begin(self.read_given())

    def read_given(self) -> Given:
        if not self.is_given:
            return Given()
        if self._has_tokenizers:
            return Given(given_model(self.model))
        given = read_given(self)
        if given.pretrained is not None:
            self.folder_ = manners_of(given.pretrained, given, self.kind, self.prefix)
        return given

    def begin(self, given: Given) -> None:
        if given.parts is not None:
            self.take_saved(given.model, **given.parts)
        elif self._has_tokenizers:
            self.model_, self.data_ = given.model, data_of(self.tokenizers)
        elif given.tokenizer is None:
            raise ValueError(
                f"tokenizers={self.tokenizers!r}: a model needs the tokenizers that it was trained "
                "with."
            )
        else:
            pair = given.tokenizer, given.target or given.tokenizer
            self.model_, self.data_ = given.model, data_of(pair)
        self.graph()  # raises where something does not fit

    def process(self, columns: Sequence[Any]) -> DataProcess:
        check_settings(self)
        given = self._given
        special: dict[str, Any] = {}
        if self.is_given:
            if not hasattr(self, "model_"):
                self.begin(given)
            model, known = given.model, self.data_
            options = options_of_two(known.tokenizers, self.vocab_size, self.sampling_alpha)
            check_vocabularies(model, known)
            special = {
                "start_id": self.folder_.get("start_id"),
                "around": [list(ids) for ids in self._around()],
                "before": self._target_before() or None,
            }
        else:
            alpha = 0.0 if self.tokenizers is None else self.sampling_alpha
            options = options_of_two(self.learners(), self.vocab_size, alpha)
            differ = len(set(one_for_each(options["tokenizer"], 2))) > 1
            sizes = sizes_of(self.vocab_size, self.vocab_size if differ else None)
            with unallocated():  # for its checks alone: how many pieces there are is not known yet
                model = self.from_scratch(sizes, heads=[self.head])
        if isinstance(model, HeadedModel):
            special["output"] = self.head
        self.make_optimizer(10**6)  # raises where a rate has no sense
        special |= {"cuts_source": self.cuts_source, "cut_side": self.template.cut_side}
        return DataProcess(
            *columns,
            objective=SequenceToSequence(self.label_smoothing, **special),
            max_length=self.learning_limit(positions_of(model)),
            batch_tokens=self.batch_tokens,
            seed=self.seed,
            **options,
        )

    def learning_limit(self, positions: int | None) -> int:
        """Most tokens of a text in training, of a model that knows so many positions."""
        return self.max_length or min(self.default_length, positions or self.default_length)

    def _take_rows(self, frame: Any, columns: Sequence[Any], *how: Any) -> tuple[Any, Any]:
        rows = super()._take_rows(frame, columns, *how)
        return tuple(with_prefix(each, columns[0], self._prefix) for each in rows)

    def learn(self, frame: Any, columns: Sequence[Any], **how: Any) -> Self:
        super().learn(frame, columns, **how)
        if self.folder_:
            options = without_ends(self.folder_["options"])
            self.folder_ = {**self.folder_, "options": options}
        return self

    def learners(self) -> Any:
        """What is learnt to cut texts, where no tokenizers were given: see `DataProcess`."""
        return self.tokenizers or partial(learn_bpe, sampling_alpha=self.sampling_alpha)

    def make_model(self) -> Any:
        if self._given.model is not None:
            return own_copy(self._given.model, self.head)
        source, target = self.data_.tokenizers
        sizes = sizes_of(source.vocab_size, None if source is target else target.vocab_size)
        special = {f"{name}_id": number for name, number in source.special_ids.items()}
        return self.from_scratch(sizes, heads=[self.head], **special)

    def make_optimizer(self, updates: int) -> keras.optimizers.Optimizer:
        rate = self.learning_rate
        if rate is None:
            rate = 0.0005 if self.is_given else 0.004
        schedule = InverseSquareRootSchedule(rate, self.warmup_steps)
        return keras.optimizers.Adam(schedule, beta_2=0.98, epsilon=1e-9)

    @property
    def _has_tokenizers(self) -> bool:
        return hasattr(self.tokenizers, "source_tokenizer")

    @property
    def source_tokenizer(self) -> Any:
        """Cuts the texts that come in."""
        return self.fitted().source_tokenizer

    @property
    def target_tokenizer(self) -> Any:
        """Puts together the texts that go out."""
        return self.fitted().target_tokenizer

    def generation(self, options: Mapping[str, Any]) -> Generation:
        asked = together(options, self.options or {})
        check_drawing(asked)
        check_ids(asked, self.data_.target_tokenizer.vocab_size)
        of_folder = dict(self.folder_.get("options", {}))
        if self.strategy is not None:
            of_folder = {name: v for name, v in of_folder.items() if name not in OF_STRATEGIES}
        if self.max_length is not None:
            of_folder |= {"max_length": None, "max_new_tokens": self.max_length}
        default = self.strategy or (Greedy() if self.folder_ else BeamSearch())
        end = self.data_.target_tokenizer.special_ids["end"]
        how = generation_of(together(asked, of_folder), default, end)
        if how.stop:
            raise ValueError("stop: a text written for a source ends by itself, not at a string.")
        return how.with_processors(self.processors)

    def graph(
        self, generation: Generation | None = None, max_source_length: int | None = None
    ) -> TextToTextGraph:
        data = self.data_ if hasattr(self, "model_") else self.fitted()
        check_settings(self)
        check_two_stacks(self.model_, type(self).__name__)
        check_vocabularies(self.model_, data)
        start = self.folder_.get("start_id")
        start = start_of(self.model_, data.target_tokenizer) if start is None else start
        check_special_ids(self.model_, data, start)
        if self.max_length is not None:
            check_number("max_length", self.max_length, 1, positions_of(self.model_))
        how = generation or self.generation({})
        source = max_source_length or self._source_limit()
        positions = positions_of(self.model_)
        longest, grows = written_limit(how, source, positions, self.writes.growth)
        return self.writes(
            self.model_,
            data.source_tokenizer,
            data.target_tokenizer,
            how,
            max_length=longest,
            grows=grows,
            start_id=start,
            prefix=self._prefix,
            around=self._around(),
            cut_side=self.template.cut_side,
            max_source_length=source,
            output=self.output,
        )

    @property
    def _prefix(self) -> str:
        """What stands before each text: as it was told, else as the folder says."""
        return self.folder_.get("prefix", "") if self.prefix is None else self.prefix

    @property
    def template(self) -> Template:
        """What begins and ends each source, and on which side it is cut."""
        return self.folder_.get("template") or Template("a end", "a b end")

    def _around(self) -> tuple[Sequence[int], Sequence[int]]:
        return self.template.ids_around(self.data_.source_tokenizer.special_ids)

    def _target_before(self) -> list[int]:
        """What stands between the start of each target and its text, such as a language's code.

        That is the token with which each text is forced to begin; where none is, what stands
        before a source.
        """
        options = together(self.options or {}, self.folder_.get("options", {}))
        forced = options.get("forced_bos_token_id")
        return list(self._around()[0]) if forced is None else [forced]

    def _source_limit(self) -> int | None:
        """Most tokens of a source; None: there is no limit."""
        of_folder = self.folder_.get("max_source_length")
        return source_limit(self.max_source_length, of_folder, positions_of(self.model_))

    def written(
        self, columns: Sequence[list[str]], options: Mapping[str, Any]
    ) -> list[list[Written]]:
        (texts,) = columns
        graph, how = self.graph_for(options)
        if graph.max_length is None:
            warn_of_long(texts, self.limit)
        rows = [row for row, text in enumerate(texts) if text and not text.isspace()]
        found = self.compute(columns, graph.written, rows, **how)
        for row, written in enumerate(found):
            if written is None:
                found[row] = [Written("", 0.0)]
            elif not written:
                raise ValueError(
                    f"no {self.output[:-1]} of {texts[row]!r} has a finite score: weights of the "
                    "model are not finite, or the processors ban every token."
                )
        return found

    def served_limits(self, limits: dict[str, Any]) -> dict[str, Any]:
        limit = limits.get("max_source_length")
        if limit is None:
            limit = self._source_limit() or SERVED_LENGTH
        check_number("max_source_length", limit, 2, positions_of(self.model_))
        return {**limits, "max_source_length": limit}

    def folder_parts(self) -> FolderParts:
        return pair_parts(self)

    def parts(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in TOKENIZERS}

    def learnt(self) -> dict[str, Any]:
        return {"columns": self.data_.columns, "folder": dict(self.folder_)}

    def take(
        self,
        model: Any,
        source_tokenizer: Any,
        target_tokenizer: Any,
        columns: Sequence[Any] = COLUMNS,
        folder: Mapping[str, Any] | None = None,
    ) -> None:
        tokenizers = source_tokenizer, target_tokenizer
        self.folder_ = folder or {}
        self.model_, self.data_ = model, data_of(tokenizers, [*map(as_name, columns)])
