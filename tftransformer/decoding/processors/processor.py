"""The call all processors share."""

from dataclasses import dataclass

from tftransformer.core import Configurable


@dataclass(frozen=True)
class Processor(Configurable):
    """Base of the processors; any function with this call may stand in for one.

    Where several are used, the usual order is: repetition penalty, no-repeat n-grams, bad
    words, minimum length, forced end, and for sampling temperature, top-k, top-p, typical.
    """

    def __call__(self, scores, ids, length):
        """Changes the scores of the next token.

        Args:
            scores: float32 tensor (rows, vocab): logits in greedy decoding and sampling,
                log-probabilities in beam search.
            ids: int32 tensor (rows, total), the whole rows, prompt and its padding included;
                only the first `length` columns count.
            length: int32 scalar tensor, tokens in the rows so far, the prompt included.

        Returns:
            float32 tensor (rows, vocab); -inf bans a token.
        """
        raise NotImplementedError
