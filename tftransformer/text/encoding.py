"""What a tokenizer makes of texts: ids, and where each piece stands."""

from tftransformer.core import Ragged


class Encoding:
    """Texts as ids.

    Args:
        ids: a row for each text.
    """

    def __init__(self, ids: Ragged):
        self.ids = ids

    def __len__(self) -> int:
        return len(self.ids)
