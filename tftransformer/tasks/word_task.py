"""WordTask: what tasks share that say something of each word."""

from tftransformer.tasks.given import learn_wordpieces
from tftransformer.tasks.row_task import RowTask


class WordTask(RowTask):
    """Base of the tasks whose head answers for tokens, and which read long texts in windows.

    Attributes:
        stride: pieces that neighbouring windows share. None: there are no windows.
    """

    head = "token_classification"
    default_length = 128
    learn_tokenizer = staticmethod(learn_wordpieces)
    stride: int | None

    @property
    def too_long(self) -> str:  # type: ignore[override] # follows `stride`
        """What becomes of long texts where there are no windows."""
        return "cut" if self.stride is not None else "refuse"
