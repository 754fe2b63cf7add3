"""TextEmbedder."""

import pathlib
from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from tftransformer.core import check_choice, check_ints
from tftransformer.heads import EmbeddingHead
from tftransformer.models import T5
from tftransformer.models.headed_model import HeadedModel
from tftransformer.objectives import Contrast
from tftransformer.tasks.embedding_graph import EmbeddingGraph
from tftransformer.tasks.given import Given, own_copy
from tftransformer.tasks.pretrained_folder import write_parts
from tftransformer.tasks.retrieval import check_similar, retrieval_scores, tfidf_similarities
from tftransformer.tasks.row_task import RowTask
from tftransformer.tasks.tables import as_frame, rows_of, texts_table

POOLING = {"mean": "mean", "max": "max", "cls": "first", "mean_sqrt": "mean_sqrt"}


class TextEmbedder(RowTask):
    """Turns texts into vectors that are close to each other if the texts mean the same.

    Texts of more than `max_length` tokens are truncated, with a count in a warning.

    Args:
        model: the folder of a model of the sentence-transformers library, of any encoder that
            Hugging Face's library wrote, or one that `save` wrote; or a model, with its
            `tokenizer`. None, or a dict of sizes: a small one, trained from scratch; see
            `TextClassifier`.
        tokenizer: tokenizer of that model, or one to learn, as in `DataProcess`. None: see
            `learn_unigram`.
        pooling: "mean", "max", "cls" (the first token) or "mean_sqrt" (the sum divided by the root
            of the number of tokens); None: as in the folder, or "mean".
        normalize: whether vectors are scaled to length 1; None: as in the folder, or True.
        temperature: temperature of the loss, see `ContrastiveLoss`.
        max_length: largest number of tokens in a text; None: the limit of the model, or 256 from
            scratch.
        too_long: what to do with longer rows: "cut" them, or "refuse" with an error.
        vocab_size: size of the vocabulary, if a tokenizer is learnt.
        learning_rate: peak of the learning rate; default 0.001 from scratch, else 0.0001.
        batch_size: number of texts answered at once.
        seed: seed of the weights, the order of rows and dropout.

    Example:

    >>> pairs = [("how do I pay?", "payment"), ("where is my card?", "card delivery")] * 9
    >>> embed = TextEmbedder(vocab_size=50).fit(pairs, epochs=1, validation=0, verbose=0)
    >>> embed("pay by card").shape
    (256,)
    """

    task, head, named = "text_embedder", "embedding", ("text", "positive")
    has_own_head = True
    ways = (("text", "positive"), ("text", "positive", "negative"))

    def __init__(
        self,
        model: Any = None,
        *,
        tokenizer: Any = None,
        pooling: str | None = None,
        normalize: bool | None = None,
        temperature: float = 0.05,
        max_length: int | None = None,
        too_long: str = "cut",
        vocab_size: int = 4000,
        learning_rate: float | None = None,
        batch_size: int = 64,
        seed: int = 0,
    ):
        self.model, self.tokenizer, self.pooling = model, tokenizer, pooling
        self.normalize, self.temperature, self.max_length = normalize, temperature, max_length
        self.too_long, self.vocab_size, self.learning_rate = too_long, vocab_size, learning_rate
        self.batch_size, self.seed = batch_size, seed

    def fit(
        self,
        data: Any,
        *,
        text: Any = "text",
        positive: Any = "positive",
        negative: Any = None,
        **how: Any,
    ) -> Self:
        """Learns from pairs of texts that belong together, against the texts of other rows.

        Args:
            data: a DataFrame; or pairs, or triples whose third text does not belong to the first.
            text: name of the column of texts.
            positive: name of the column of texts that belong to them.
            negative: name of a column of texts that do not, if there is one.
            **how: `validation`, `epochs` and further arguments of `Task.learn`.
        """
        data = as_frame(data)
        if not hasattr(data, "columns"):
            data = [tuple(row) for row in rows_of(data)]
            if negative is None and data and len(data[0]) == 3:
                negative = "negative"
        names = [text, positive] + ([] if negative is None else [negative])
        return self.learn(*texts_table(data, *names), **how)

    def read_given(self) -> Given:
        given = super().read_given()
        if isinstance(given.model, HeadedModel) and self.head not in given.model.heads:
            head: Any = self.head_arguments()
            if given.pretrained is not None:
                from tftransformer.pretrained import read_sentence_files

                files = read_sentence_files(given.pretrained)
                if files is not None:
                    if files.lower_case and not getattr(given.tokenizer, "lower_case", False):
                        raise ValueError(
                            f"{given.pretrained}: sentence_bert_config.json has "
                            "do_lower_case=true, and the tokenizer does not do it: let it, or set "
                            "that to false and lower-case your texts."
                        )
                    lengths = [n for n in (given.max_length, files.max_length) if n is not None]
                    given.max_length = min(lengths, default=None)
                    parts = files.parts if self.pooling is None else head.parts
                    known = files.normalize if self.normalize is None else self.normalize
                    head = EmbeddingHead(parts, known, name=self.head)
            given.model, given.is_foreign = own_copy(given.model, self.head, head), False
        return given

    def objective(self, given: Given, output: str | None) -> Contrast:
        return Contrast(self.temperature, output=output)

    def head_arguments(self) -> Any:
        pooling, normalize = self.pooling or "mean", self.normalize is not False
        check_choice(POOLING, pooling=pooling)
        parts = [POOLING[pooling]]
        if not self.is_given and self.pooling is None:
            parts = ["max", "mean"]  # what a small model from scratch says most by
        return EmbeddingHead(parts, normalize, name=self.head)

    def write_folder(self, folder: pathlib.Path) -> None:
        from tftransformer.pretrained import SentenceFiles, write_sentence_files

        if isinstance(self.model_, T5):
            raise ValueError(
                "sentence-transformers reads the encoder alone of a T5, and these vectors are its "
                'decoder\'s: train one with family="T5Encoder".'
            )
        write_parts(self, own_copy(self.model_, ""), folder)
        head, most = self.model_.heads[self.head], self.graph().max_length
        files = SentenceFiles(tuple(head.parts), head.normalize, most)
        write_sentence_files(files, folder, self.model_.d_model)

    @property
    def reads_pairs(self) -> bool:
        return False  # each text has its own row

    def text_columns(self) -> list[Any]:
        return list(self.fitted().columns[:1])

    def graph(self, max_length: int | None = None) -> EmbeddingGraph:
        return EmbeddingGraph(**self.row(max_length))

    def answers(self, columns: Sequence[list[str]]) -> list[np.ndarray]:
        """The vector of each text: float32 (d,)."""
        self.warn_of_nothing(columns)
        return self.compute(columns)

    def __call__(self, texts: Any, **options: Any) -> Any:
        """Vectors: of a string float32 (d,), of several (texts, d); of a table a DataFrame."""
        if isinstance(texts, str) or hasattr(texts, "iloc"):
            return super().__call__(texts, **options)
        found = self.answers(self.columns(texts), **options)
        return np.array(found, np.float32) if found else np.zeros((0, 0), np.float32)

    def similarity(self, first: Any, second: Any) -> Any:
        """Returns cosine similarities: a float for two strings, else float32 (first, second).

        Args:
            first: a string, or several of them, as for a call.
            second: a string, or several of them.
        """
        sides = [
            self.columns([side] if isinstance(side, str) else side)[0] for side in (first, second)
        ]
        vectors = self([*sides[0], *sides[1]])
        found = _cosines(vectors[: len(sides[0])], vectors[len(sides[0]) :])
        return float(found[0, 0]) if isinstance(first, str) and isinstance(second, str) else found

    def search(self, query: Any, corpus: Any, top_k: int = 5, *, vectors: Any = None) -> list[Any]:
        """Finds the most similar texts in a corpus.

        Args:
            query: a string, or several of them.
            corpus: several texts, as for a call.
            top_k: number of texts to find.
            vectors: those of the corpus, float (texts, d), as a call of `corpus` has given them: an
                array or a DataFrame. None: they are computed, anew at each search.

        Returns:
            for a string a list of dicts of `index` (the position in the corpus, from 0, also for a
            Series), `text` and `score` (the cosine), best first; for several strings a list of such
            lists.
        """
        check_ints(1, top_k=top_k)
        (corpus,) = self.columns(corpus)
        queries = [query] if isinstance(query, str) else query
        if vectors is None:
            scores = self.similarity(queries, corpus)
        else:
            asked = np.asarray(self(queries))
            scores = _cosines(asked, _check_vectors(vectors, (len(corpus), asked.shape[-1])))
        found = [
            [
                {"index": int(i), "text": corpus[i], "score": float(row[i])}
                for i in np.argsort(-row, kind="stable")[:top_k]
            ]
            for row in scores
        ]
        return found[0] if isinstance(query, str) else found

    def evaluate(self, data: Any, labels: Any = None, *, baselines: bool = True) -> dict[str, Any]:
        """How often a text finds its partner among all rows, with TF-IDF as a baseline, `tfidf`.

        Args:
            data: a DataFrame with the columns that were fitted, or pairs.
            labels: None; or the similarity of the texts of each row, for a rank correlation.
            baselines: whether to score TF-IDF.
        """
        first, second = self.fitted().columns[:2]
        frame, _ = texts_table(data, first, second)
        texts, others = frame[first].tolist(), frame[second].tolist()
        if labels is not None:
            labels = check_similar(labels, len(frame))  # before the long work
        found = self.similarity(texts, others)
        scores: dict[str, Any] = {"rows": len(frame), **retrieval_scores(found, others, labels)}
        if baselines:
            found = tfidf_similarities(texts, others)
            scores["tfidf"] = retrieval_scores(found, others, labels)
        return scores


def _cosines(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Cosines of vectors (n, d) and (m, d): (n, m)."""
    first, second = (
        side / np.maximum(np.linalg.norm(side, axis=-1, keepdims=True), 1e-12)
        for side in (first, second)
    )
    return first @ second.T


def _check_vectors(vectors: Any, shape: tuple[int, int]) -> np.ndarray:
    """Returns vectors as an array; raises a ValueError unless they are of this shape."""
    found = np.asarray(vectors, np.float32)
    if found.shape != shape:
        raise ValueError(
            f"vectors are of shape {found.shape}, and the corpus has {shape[0]} texts of "
            f"{shape[1]} numbers each: give what a call with the corpus has returned."
        )
    return found
