"""SequenceParser."""

from collections.abc import Mapping, Sequence
from typing import Any, Unpack

from tftransformer.data.vocabularies import kind_of
from tftransformer.tasks.generation_options import GenerationOptions
from tftransformer.tasks.text_to_text import TextToText
from tftransformer.tasks.tree_task import TreeTask, answers_of
from tftransformer.tasks.writing import Written
from tftransformer.tasks.written_tree_graph import WrittenTreeGraph
from tftransformer.tasks.written_trees import fewest, learn_symbols, symbols


class SequenceParser(TreeTask, TextToText):
    """Parses by writing: a model reads a sentence and writes its tree, as a translator would.

    It writes labelled brackets, and XX for each word (Vinyals et al. 2015; Vaswani et al. 2017,
    §6.3): `(S (NP XX )NP (VP XX )VP )S`. Symbols that could not lead to a tree over exactly the
    words of the sentence are banned while it writes. Words have no tag but XX. `Parser` labels
    words instead, which learns from far fewer trees and finds tags; `SequenceParser` suits large
    treebanks, and returns several trees of a sentence with beams (`n_best`).

    Sentences are as for `Parser`. The settings are those of `TextToText`; `tokenizers` may be the
    tokenizer of the words, or name one to learn, by default BPE with at most `vocab_size` pieces.
    `max_length` defaults to 256 in training, and to four symbols for each token of the sentence in
    writing. Sentences with more than `max_source_length` tokens are an error.

    Example:

    >>> trees = ["(S (NP (DT the) (NN dog)) (VP (VBZ barks)))", "(S (NP (PRP we)) (VP (VBP go)))"]
    >>> parse = SequenceParser({"num_layers": 1, "d_model": 16}, vocab_size=60)
    >>> parse.fit(trees * 9, epochs=1, validation=0, verbose=0)("the dog barks")
    {'tree': '(...', 'score': ...}
    """

    task = "sequence_parser"
    kind = "parsing"
    output = "trees"
    writes = WrittenTreeGraph
    default_length = 256
    too_long = "refuse"
    finds_tags = False
    target = staticmethod(symbols)

    def learners(self) -> Any:
        words = super().learners()
        if isinstance(words, list | tuple):
            raise TypeError(
                f"tokenizers={words!r}: a SequenceParser takes one, for the words; the symbols of "
                "trees are learnt."
            )
        if kind_of(words) == "given":
            return (lambda texts, size: words), learn_symbols
        return words, learn_symbols

    def answers(
        self, columns: Sequence[list[str]], **options: Unpack[GenerationOptions]
    ) -> list[dict[str, Any]]:
        """The tree of each sentence.

        Args:
            columns: the sentences.
            **options: options of generation, by Hugging Face's names, such as `num_beams`.

        Returns:
            for each `tree`, in brackets, and `score`, what the strategy ranks by.

        Raises:
            ValueError: if a sentence is too long to be read, or its tree to be written.
        """
        return [*map(self.answer, columns[0], self.best(columns, options))]

    def answer(self, text: str, written: Written) -> dict[str, Any]:
        (answer,) = answers_of([written.text], [written.score])
        return answer

    def evaluate(  # type: ignore[override] # whose options have names
        self,
        data: Any,
        labels: Any = None,
        *,
        baselines: bool = True,
        **options: Unpack[GenerationOptions],
    ) -> dict[str, Any]:
        """Parses the sentences and scores the trees; see `Parser`.

        Args:
            data: trees, as for `Parser`; or sentences.
            labels: the trees, if `data` is sentences.
            baselines: see `Parser`.
            **options: options of generation.
        """
        return super().evaluate(data, labels, baselines=baselines, **options)

    def written(
        self, columns: Sequence[list[str]], options: Mapping[str, Any]
    ) -> list[list[Written]]:
        graph, _ = self.graph_for(options)
        for row, text in enumerate(columns[0]):
            words = len(text.split())
            if fewest(words) > graph.max_target_length:
                raise ValueError(
                    f"texts[{row}] has {words} words, and trees have at most "
                    f"{graph.max_target_length} symbols, at least {fewest(words)} of so many: "
                    "shorten it, or raise max_length."
                )
        return super().written(columns, options)
