"""TextGenerator."""

import itertools
import math
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Self, Unpack

from tftransformer.core import check_ints, require, unallocated
from tftransformer.data import DataProcess
from tftransformer.decoding import Greedy, RowStrategy
from tftransformer.models import EncoderDecoder
from tftransformer.models.decoding_step import DecodingModel
from tftransformer.models.headed_model import HeadedModel
from tftransformer.objectives import NextToken
from tftransformer.tasks.checks import check_writes
from tftransformer.tasks.foreseeing import foreseeing_scores
from tftransformer.tasks.generation import Generation, generation_of
from tftransformer.tasks.generation_graph import GenerationGraph
from tftransformer.tasks.generation_options import (
    GenerationOptions,
    check_drawing,
    check_ids,
    folder_options,
    together,
    without_ends,
)
from tftransformer.tasks.given import Given, own_copy, positions_of
from tftransformer.tasks.learners import learn_bpe
from tftransformer.tasks.pretrained_folder import FolderParts, prompt_parts
from tftransformer.tasks.tables import documents
from tftransformer.tasks.writing import WritingTask, Written
from tftransformer.text import Template

NEW_TOKENS = 256  # at most, where nobody says how many
SAVED = 256  # tokens that need not be computed, from which on a beginning is read by itself


class TextGenerator(WritingTask):
    """Continues a prompt.

    It always takes the most probable token, unless `do_sample=True`; sampling is repeatable with
    the same `seed`. A prompt is plain text: names of special tokens in it have no effect. Prompts
    that are too long lose their beginnings, with a count in a warning. A beginning that many
    prompts of a call share is computed only once.

    Args:
        model: a language model, or the folder of one that Hugging Face's library wrote or `save`
            did. Or, to train one from scratch, a dict of changes to `sizes`, such as
            `{"num_layers": 2}` or `{"family": "TransformerXL"}`.
        tokenizer: tokenizer of that model, or one to learn, as in `DataProcess`; default: see
            `learn_bpe`.
        options: options of generation, by Hugging Face's names, such as `{"num_beams": 4}`; see
            `answers`. They override those of the folder.
        max_length: number of tokens that the model sees, and is trained on, at once; default 256,
            or the limit of the model.
        vocab_size: size of the vocabulary, if a tokenizer is learnt.
        learning_rate: peak of the learning rate; default 0.001 from scratch, else 0.0001.
        batch_size: number of prompts answered at once.
        batch_tokens: largest number of tokens in a training batch.
        seed: seed of the weights, the order of rows and dropout.

    Example:

    >>> texts = ["the dog sleeps", "the cat sleeps", "the dog eats", "the cat eats"] * 9
    >>> write = TextGenerator({"num_layers": 1, "d_model": 16}, vocab_size=40, max_length=32)
    >>> write.fit(texts, epochs=1, validation=0, verbose=0)("the dog", max_new_tokens=5)
    {'generated_text': ..., 'prompt': 'the dog', 'score': ..., 'finished': ...}
    """

    task, said = "text_generator", "generated_text"
    head = "lm"
    named = ("text",)
    sizes = types.MappingProxyType(
        {"family": "Gpt2", "num_layers": 4, "d_model": 128, "num_heads": 4, "dropout": 0.1}
    )
    keeps = ("generation",)
    generation_: Mapping[str, Any] = {}

    def __init__(
        self,
        model: Any = None,
        *,
        tokenizer: Any = None,
        options: GenerationOptions | None = None,
        max_length: int | None = None,
        vocab_size: int = 4000,
        learning_rate: float | None = None,
        batch_size: int = 16,
        batch_tokens: int = 2048,
        seed: int = 0,
    ):
        self.model, self.tokenizer, self.options = model, tokenizer, options
        self.max_length, self.vocab_size, self.learning_rate = max_length, vocab_size, learning_rate
        self.batch_size, self.batch_tokens, self.seed = batch_size, batch_tokens, seed

    def fit(
        self, data: Any, *, text: Any = "text", validation: float | Any = 0.1, **how: Any
    ) -> Self:
        """Learns to predict the next token of texts.

        Args:
            data: a DataFrame, or texts, or a single text, whose end is held out.
            text: name of the column of texts.
            validation: a share of the texts (for a single text, of its characters), a number of
                texts, or other texts or a DataFrame; 0 for none.
            **how: `epochs` and further arguments of `Task.learn`.
        """
        frame, held_out = documents(data, text, validation)
        self.learn(frame, [text], validation=held_out, **how)
        if "end" in self.data_.tokenizers[0].special_ids:
            self.generation_ = without_ends(self.generation_)
        return self

    def process(self, columns: Sequence[Any]) -> DataProcess:
        check_ints(1, batch_size=self.batch_size)
        given, model = self._given, self._given.model
        if model is None:
            with unallocated():  # for its checks alone
                model = self.from_scratch({"vocab_size": self.vocab_size}, heads=[self.head])
        how = self.generation({})  # raises where an option has no sense
        _check_writes(model, how)
        if given.model is None:
            _check_foresees(model)
        headed = given.model is None or isinstance(given.model, HeadedModel)
        limit = given.limit(self.max_length, 256)
        return DataProcess(
            *columns,
            objective=NextToken(output=self.head if headed else None),
            **given.tokenizer_options(self, learn_bpe),
            max_length=limit,
            batch_tokens=max(self.batch_tokens, limit),
            seed=self.seed,
        )

    def make_model(self) -> Any:
        tokenizer = self.data_.tokenizers[0]
        if self._given.model is not None:
            _check_foresees(self._given.model)
            return own_copy(self._given.model, self.head)
        return self.from_scratch(
            {"vocab_size": tokenizer.vocab_size},
            num_positions=self.data_.max_length,
            pad_id=tokenizer.special_ids.get("pad"),
            end_id=tokenizer.special_ids.get("end"),
            heads=[self.head],
        )

    def read_given(self) -> Given:
        given = super().read_given()
        if given.parts is not None:
            self.generation_ = given.parts.get("generation", {})
        elif given.pretrained is not None:
            pieces = given.tokenizer.vocab_size
            self.generation_, _ = folder_options(given.pretrained, "text-generation", pieces)
        return given

    def text_columns(self) -> list[Any]:
        return list(self.fitted().columns)

    def generation(self, options: Mapping[str, Any]) -> Generation:
        asked = together(options, self.options or {})
        check_drawing(asked)
        end = 0
        if hasattr(self, "data_"):
            (tokenizer,) = self.data_.tokenizers
            check_ids(asked, tokenizer.vocab_size)
            end = tokenizer.special_ids.get("end", -1)
        return generation_of(together(asked, self.generation_), Greedy(), end)

    def graph(
        self,
        generation: Generation | None = None,
        max_new_tokens: int | None = None,
    ) -> GenerationGraph:
        data = self.fitted()
        how = generation or self.generation({})
        _check_writes(self.model_, how)
        check_ints(1, batch_size=self.batch_size)
        check_ints(1, or_none=True, max_length=self.max_length)
        positions = positions_of(self.model_) or data.max_length
        positions = min(positions, self.max_length or positions)
        most = max_new_tokens or how.max_new_tokens
        most = most or min(how.max_length or NEW_TOKENS, max(1, positions // 2))
        template = data.template if data.template is not None else Template("start a")
        return GenerationGraph(
            tokenizer=data.tokenizers[0],
            template=template,
            generation=how,
            max_new_tokens=most,
            room=positions + 1 - most - how.strategy.reads_hidden,
        )

    def folder_parts(self) -> FolderParts:
        return prompt_parts(self)

    def answers(
        self, columns: Sequence[list[str]], **options: Unpack[GenerationOptions]
    ) -> list[dict[str, Any]]:
        """Returns the continuation of each prompt.

        Args:
            columns: the prompts.
            **options: `stop` (strings before which a text ends) and, by Hugging Face's names, above
                all `max_new_tokens` (by default 256, or half of the positions of the model if that
                is less), `num_beams`, `do_sample`, and with it `temperature`, `top_k`, `top_p`,
                `min_p`, `typical_p`, `epsilon_cutoff`, `eta_cutoff` and our own `seed`, or
                `penalty_alpha` with `top_k` for contrastive search; see `GenerationOptions`.

        Returns:
            for each prompt the `generated_text`, without the prompt; the `prompt`; the `score` that
            the strategy ranks by; and `finished`, whether it ended by itself rather than at a
            limit. For several texts of each prompt use `n_best`.

        Raises:
            TypeError: if there is no such option.
            ValueError: if a value is invalid, a prompt is empty and the model has no start token,
                or no text has a finite score.
        """
        return [*map(self.answer, columns[0], self.best(columns, options))]

    def answer(self, text: str, written: Written) -> dict[str, Any]:
        return {
            "generated_text": written.text,
            "prompt": text,
            "score": written.score,
            "finished": written.finished,
        }

    def written(
        self, columns: Sequence[list[str]], options: Mapping[str, Any]
    ) -> list[list[Written]]:
        (prompts,) = columns
        graph, how = self._graph_for(prompts, options)
        found = self.compute(columns, _rows, model=self._behind_beginning(graph, prompts), **how)
        for prompt, row in zip(prompts, found, strict=True):
            if not row:
                raise ValueError(
                    f"no continuation of {prompt!r} has a finite score: weights of the model are "
                    "not finite, or the options ban every token."
                )
        return found

    def _behind_beginning(
        self, graph: GenerationGraph, prompts: list[str]
    ) -> Callable[[Any], Any] | None:
        """What computes rows whose beginning, the same for all, is read once; None: it is short."""
        model, others = self.model_, len(prompts) - 1
        if graph.generation.strategy.reads_hidden:  # those of a known beginning are not known
            return None
        if others < 1 or not getattr(model, "reads_prefix", False):
            return None
        # What the first and the last in alphabetical order have in common, all have.
        pairs = zip(min(prompts), max(prompts), strict=False)
        letters = sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))
        if letters * others < SAVED:  # as a rule a token has a letter at least
            return None
        ids = graph.beginning(prompts)
        if len(ids) * others < SAVED:
            return None
        prefix = model.read_prefix([ids])
        return lambda rows: graph.compute(model, rows, False, prefix)

    def stream(self, prompt: str, **options: Unpack[GenerationOptions]) -> Iterator[str]:
        """Continues one prompt, and yields each piece of text as soon as it is certain.

        No piece ends inside a character or a stop string. The first piece that a model streams
        takes a second or more longer than later ones.

        Args:
            prompt: the prompt.
            **options: those of `answers`.

        Returns:
            an iterator of strings; joined they are the `generated_text` of `answers`.

        Raises:
            TypeError: if the prompt is no string.
            ValueError: if a value has no sense, or the text is only known when it is complete, as
                from several beams.

        >>> texts = ["the dog sleeps", "the cat sleeps", "the dog eats", "the cat eats"] * 9
        >>> write = TextGenerator({"num_layers": 1, "d_model": 16}, vocab_size=40, max_length=32)
        >>> write = write.fit(texts, epochs=1, validation=0, verbose=0)
        >>> pieces = list(write.stream("the dog", max_new_tokens=5))
        >>> "".join(pieces) == write("the dog", max_new_tokens=5)["generated_text"]
        True
        """
        if not isinstance(prompt, str):
            raise TypeError(f"stream takes one prompt, a string, not {prompt!r}.")
        graph, how = self._graph_for([prompt], options)
        strategy = graph.generation.strategy
        require(
            isinstance(strategy, RowStrategy),
            "strategy",
            strategy,
            "one that never takes a token back: num_beams=1",
        )
        written = strategy.num_written
        require(written == 1, "num_return_sequences", written, "1: a stream is of one text")
        cut, pieces = graph.stream(self.model_, prompt, how.get("first", 0))
        self.warn_of(int(cut), 1, graph)
        return pieces

    def most_read(self, graph: Any) -> str:
        written, hidden = graph.max_new_tokens, graph.generation.strategy.reads_hidden
        positions = graph.max_length - 1 + written + hidden
        known = f"the model's {positions} positions leave"
        if positions == self.max_length:
            known = f"max_length={positions} leaves"
        return f"{graph.max_length} tokens, which {known} beside max_new_tokens={written}"

    def _graph_for(
        self, prompts: list[str], options: Mapping[str, Any]
    ) -> tuple[GenerationGraph, dict[str, Any]]:
        """As `graph_for`, behind these prompts; checks them."""
        graph, how = self.graph_for(options)
        if not graph.begins_empty and "" in prompts:
            raise ValueError(
                f"prompt {prompts.index('')} is empty, and this model knows no token that begins a "
                "text: give a word at least."
            )
        return graph, how

    def evaluate(self, data: Any, labels: Any = None, *, baselines: bool = True) -> dict[str, Any]:
        """How well the model foresees texts: see `perplexity_scores`.

        Each token is foreseen from half of `max_length` tokens before it at least, where the text
        has so many.

        Args:
            data: texts, one text, or a DataFrame with the column that was fitted.
            labels: none.
            baselines: whether, after `fit`, to count beside it how often characters followed each
                other in the training texts: `counting`.
        """
        (column,) = self.text_columns()
        _check_foresees(self.model_)
        frame, _ = documents(data, column, 0)
        known = self.trained_on_[column].tolist() if hasattr(self, "trained_on_") else None
        return foreseeing_scores(self, frame[column].tolist(), known if baselines else None)

    def score(self, data: Any, labels: Any = None) -> float:
        """Minus the nats of a token, which scikit-learn compares."""
        return -self.evaluate(data, labels, baselines=False)["loss"]


def _check_writes(model: Any, how: Generation) -> None:
    """Raises a ValueError for a model that cannot write so."""
    check_writes(model, "TextGenerator")
    if isinstance(model, EncoderDecoder):
        raise ValueError(
            f"{type(model).__name__} writes a text for a source, but a TextGenerator continues a "
            "prompt: give it a language model, such as Gpt2, or use a Summarizer or a Translator."
        )
    if isinstance(model, DecodingModel):
        model.check_decoding(how.strategy.reads_hidden)


def _check_foresees(model: Any) -> None:
    """Raises a ValueError for a model that writes, but not by what `NextToken` trains."""
    if not getattr(model, "foresees_next", True):
        raise ValueError(
            f"{type(model).__name__} predicts a token at its own position, which a TextGenerator "
            "can use to write, but neither train nor score: train it with "
            "DataProcess(…, objective=Permutation()) and a Trainer."
        )


def _rows(outputs: Mapping[str, Any]) -> list[list[Written]]:
    """Outputs of a batch, row by row: those with a score."""
    named = (outputs[name].tolist() for name in ("generated_text", "score", "finished"))
    return [
        [
            Written(text.decode(), score, finished)
            for text, score, finished in zip(*row, strict=True)
            if math.isfinite(score)
        ]
        for row in zip(*named, strict=True)
    ]
