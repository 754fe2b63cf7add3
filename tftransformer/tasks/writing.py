"""WritingTask: what tasks share that write texts."""

import abc
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, Unpack

from tftransformer.decoding import Sampling
from tftransformer.tasks.generation import Generation
from tftransformer.tasks.generation_options import GenerationOptions
from tftransformer.tasks.task import Task

# Characters of a text from which on reading it whole takes long, and much memory: some thousand
# tokens.
LONG = 20_000


class Written(NamedTuple):
    """A text written for an input text.

    Attributes:
        text: the text.
        score: what the strategy ranks by; for beam search the log-probability divided by the
            length penalty.
        finished: whether it ended by itself rather than at a limit.
    """

    text: str
    score: float
    finished: bool = True


class WritingTask(Task):
    """Base of the tasks that write texts."""

    @abc.abstractmethod
    def written(
        self, columns: Sequence[list[str]], options: Mapping[str, Any]
    ) -> list[list[Written]]:
        """Returns the texts written for each input, as in `n_best`, at least one."""

    @abc.abstractmethod
    def generation(self, options: Mapping[str, Any]) -> Generation:
        """Returns how texts are written, of options that count before those of this object."""

    @abc.abstractmethod
    def answer(self, text: str, written: Written) -> Any:
        """Returns the answer for a text, from what was written for it."""

    def n_best(self, texts: Any, **options: Unpack[GenerationOptions]) -> list[list[Written]]:
        """Writes several texts for each input, with scores.

        Inputs are sorted by length and read in batches, which does not change the results.

        Args:
            texts: several strings, as for a call.
            **options: options of generation, by Hugging Face's names.

        Returns:
            for each input the texts that the strategy returns, or fewer if it finds fewer. Beams
            come best first; with `do_sample=True` texts come in the order of the draws, and the
            first is what a call with the same `seed` writes.

        Raises:
            ValueError: if no text for an input has a finite score.
        """
        return self.written(self.columns(texts), options)

    def graph_for(self, options: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
        """Returns the graph that writes so, and what `compute` is told of it.

        Args:
            options: options of generation, which count before those of this object.
        """
        self.fitted()
        if not options:
            return self._graph_and_module(1)[0], {}
        generation, first = self.generation(options), 0
        if isinstance(generation.strategy, Sampling):  # one graph for all seeds
            strategy, first = generation.strategy.without_seed()
            generation = replace(generation, strategy=strategy)
        graph, _ = self._graph_and_module(1, generation=generation)
        return graph, {"generation": generation, "first": first}

    def best(self, columns: Sequence[list[str]], options: Mapping[str, Any]) -> list[Written]:
        """Returns the first text written for each input.

        Raises:
            ValueError: if a call asks for several.
        """
        if (several := options.get("num_return_sequences") or 1) != 1:
            raise ValueError(
                f"num_return_sequences={several!r}: a call gives one answer for each text; "
                f"n_best(texts, num_return_sequences={several!r}, …) gives several, in lists."
            )
        return [best for best, *_ in self.written(columns, options)]


def warn_of_long(texts: Sequence[str], limit: str) -> None:
    """Warns of texts that a model without a limit reads whole, where that takes long."""
    found = [len(text) for text in texts if len(text) > LONG]
    if found:
        warnings.warn(
            f"{len(found)} of {len(texts)} texts have more than {LONG:,} characters, up to "
            f"{max(found):,}, and are read whole, which takes time and memory that grow with the "
            f"square of their lengths: {limit}=1024, say, reads the beginnings alone.",
            stacklevel=6,
        )
