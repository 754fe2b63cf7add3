"""WordTask: what tasks share that say something of each word."""

from collections.abc import Callable
from typing import Any, ClassVar

from tftransformer.tasks.given import spellings_of
from tftransformer.tasks.learners import learn_wordpieces, learn_words
from tftransformer.tasks.row_task import WindowedTask


class WordTask(WindowedTask):
    """Base of the tasks whose head answers for tokens, and which read long texts in windows.

    Where the model has embeddings of spellings, it reads how words are spelled, see
    `spelling_ids`; tokens are then whole words where a tokenizer is to be learnt.
    Without a `stride`, None, there are no windows.
    """

    head = "token_classification"
    default_length = 128
    usual_stride: ClassVar[int] = 32

    @property
    def too_long(self) -> str:  # type: ignore[override] # follows `stride`
        """What becomes of long texts where there are no windows."""
        return "cut" if self.stride is not None else "refuse"

    @property
    def learn_tokenizer(self) -> Callable[..., Any]:  # type: ignore[override] # follows the model
        """Learns a tokenizer from texts and a size where none is given."""
        return learn_words if self.spelling() else learn_wordpieces

    def spelling(self) -> int:
        """How many spellings the model knows that is to be trained."""
        return spellings_of(self.given_or_sketched())

    def row(self, max_length: int | None = None) -> dict[str, Any]:
        return {**super().row(max_length), "spelling": self.data_.objective.spelling}
