"""NextToken and PrefixLM: a model that sees what it is to foresee is refused."""

import keras
import pandas as pd
import pytest

import tftransformer as tt
from tftransformer import CausalMask, DocumentMask, PaddingMask, PrefixMask, SlidingWindowMask
from tftransformer.training import CarriedMemory

FRAME = pd.DataFrame({"text": ["the dog sleeps in a house", "a cat eats", "two birds sing"] * 3})
SIZES = {"num_layers": 1, "d_model": 16, "num_heads": 2}


def reader(mask):
    def make(vocab_size):
        return tt.Gpt2(vocab_size, **SIZES, num_positions=16, mask=mask, pad_id=0)

    return make


def recurrent(family, **options):
    def make(vocab_size):
        return getattr(tt, family)(vocab_size, **SIZES, dff=32, memory_length=4, **options)

    return make


def trainer(objective, make, whole=False):
    data = tt.DataProcess("text", objective=objective, vocab_size=290, max_length=16).fit(FRAME)
    keras.utils.set_random_seed(0)
    carry = CarriedMemory() if objective.in_order else None
    model = make(data.tokenizers[0].vocab_size)
    model = model.only("lm") if carry is None and not whole else model
    return tt.Trainer(model, data.batches(FRAME), carry=carry, verbose=0)


HIDES = CausalMask() & PaddingMask()
SHOWS_A_PREFIX = (CausalMask() | PrefixMask()) & PaddingMask()


@pytest.mark.parametrize(
    ("objective", "make"),
    [
        (tt.NextToken(), reader(PaddingMask())),
        (tt.NextToken(documents="packed"), reader(DocumentMask() & PaddingMask())),
        (tt.NextToken(documents="joined"), reader(SlidingWindowMask(2, after=1) & PaddingMask())),
        (tt.NextToken(documents="streams"), recurrent("XLNet", pad_id=0)),
        (tt.PrefixLM(), reader(PrefixMask() | PaddingMask())),
    ],
)
def test_a_model_that_sees_what_follows_is_refused(objective, make):
    with pytest.raises(ValueError, match="also sees later ones"):
        trainer(objective, make)


@pytest.mark.parametrize(
    ("objective", "make"),
    [
        (tt.NextToken(), reader(HIDES)),
        (tt.NextToken(documents="packed"), reader(DocumentMask() & HIDES)),
        (tt.NextToken(documents="streams"), recurrent("TransformerXL", cutoffs=())),
        (tt.PrefixLM(), reader(SHOWS_A_PREFIX)),
        (tt.Permutation(documents="streams"), recurrent("XLNet", pad_id=0)),
    ],
)
def test_a_model_that_does_not_is_taken(objective, make):
    trainer(objective, make)


@pytest.mark.parametrize("output", ["lm", None])
def test_the_head_that_foresees_is_found_among_the_outputs(output):
    trainer(tt.NextToken(output=output), reader(HIDES), whole=True)
    with pytest.raises(ValueError, match="also sees later ones"):
        trainer(tt.NextToken(output=output), reader(PaddingMask()), whole=True)
