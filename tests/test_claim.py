"""The claim of the package: the mask alone makes one stack a BERT, a GPT or a prefix model."""

import pathlib
import re

import keras
import numpy as np
import pytest

from tftransformer.decoding import BeamSearch, Greedy
from tftransformer.layers import TokenEmbeddings
from tftransformer.masks import CausalMask, PaddingMask, PrefixMask
from tftransformer.models import Bert, Gpt
from tftransformer.positions import LearnedPositions
from tftransformer.stacks import Encoder

README = pathlib.Path(__file__).parents[1] / "README.md"
LENGTH, PREFIX, VOCABULARY = 7, 3, 30
STACK = {"num_layers": 2, "d_model": 16, "num_heads": 4, "dff": 24}
STACK |= {"activation": "gelu", "epsilon": 1e-6}
MASKS = {
    "bert": PaddingMask(),
    "gpt": CausalMask() & PaddingMask(),
    "prefix": (CausalMask() | PrefixMask()) & PaddingMask(),
}
# What each query may see, written out; the last two tokens are padding.
REAL = np.arange(LENGTH) < LENGTH - 2
BEFORE = np.tri(LENGTH, dtype=bool)
SEEN = {
    "bert": np.ones((LENGTH, 1), bool) & REAL,
    "gpt": BEFORE & REAL,
    "prefix": (BEFORE | (np.arange(LENGTH) < PREFIX)) & REAL,
}
IDS = np.array([[5, 6, 7, 8, 9, 0, 0]], "int32")


def shaken(layer):
    """The layer with weights that hide no bias and no norm."""
    random = np.random.default_rng(2)
    for weight in layer.weights:
        weight.assign(np.array(weight) + random.normal(size=weight.shape, scale=0.2))
    return layer


def moved(run, ids):
    """bool (queries, keys): which output of `run` moves when which token changes."""
    changed = np.where(np.eye(len(ids), dtype=bool), VOCABULARY - 1, ids)
    rows = np.array(run(np.concatenate([ids[None], changed]).astype("int32")))
    return (np.abs(rows[1:] - rows[:1]).max(-1) > 2e-6).T


@pytest.mark.slow
def test_the_same_weights_under_three_masks():
    """Output i moves with token j exactly if j reaches i through what the layers may see."""
    weights = None
    for name, mask in MASKS.items():
        position = LearnedPositions(16, LENGTH)
        embeddings = TokenEmbeddings(VOCABULARY, 16, position=position)
        stack = Encoder(**STACK, mask=mask, embeddings=embeddings)
        stack.build((None, None))
        weights = weights or shaken(stack).get_weights()
        stack.set_weights(weights)

        def run(ids, stack=stack):
            rows = len(ids)
            context = {"prefix_lengths": np.full(rows, PREFIX)}
            return stack(ids, padding_mask=np.tile(REAL, (rows, 1)), context=context)

        once = (SEEN[name] | np.eye(LENGTH, dtype=bool)).astype(int)
        np.testing.assert_array_equal(moved(run, IDS[0]), once @ once > 0, err_msg=name)


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("name", MASKS)
@pytest.mark.parametrize("family", [Bert, Gpt])
def test_the_families_are_that_stack(family, name):
    """BERT and GPT differ in what they embed; above it they are one `Encoder` under a mask."""
    # None: the family's own mask is the one that its name stands for.
    own = None if family.__name__.lower() == name else MASKS[name]
    model = shaken(family(VOCABULARY, **STACK, num_positions=LENGTH, pad_id=0, mask=own))
    stack = Encoder(**STACK, mask=MASKS[name])
    stack.build((None, None, 16))
    stack.set_weights([weight for layer in model.stack.layers for weight in layer.get_weights()])
    context = {"prefix_lengths": np.array([PREFIX])}
    vectors = model.stack.embeddings(IDS)
    expected = stack(vectors, padding_mask=REAL[None], context=context)
    given = context if name == "prefix" else {}
    np.testing.assert_allclose(model({"token_ids": IDS, **given})["hidden"], expected, atol=1e-6)


@pytest.mark.slow
def test_a_mask_of_ones_own(tmp_path):
    """The class that the README shows: trained with, decoded from a cache, saved and loaded."""
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    (block,) = [block for block in blocks if "(tt.Mask)" in block]
    shown = {"__name__": "readme"}
    exec(compile(block, "README.md", "exec"), shown)
    mask = shown["mask"]
    model = shaken(Gpt(VOCABULARY, **STACK, num_positions=LENGTH, mask=mask))

    # Every other token is the one two places before it.
    random = np.random.default_rng(0)
    ids = np.tile(random.integers(1, VOCABULARY, (16, 2)), (1, 4)).astype("int32")
    head = model.only("lm")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    head.compile(keras.optimizers.Adam(0.02), loss)
    losses = head.fit(ids[:, :-1], ids[:, 1:], epochs=30, verbose=0).history["loss"]
    assert losses[-1] < 0.6 * losses[0]

    distance = np.arange(LENGTH)[:, None] - np.arange(LENGTH)
    allowed = (distance >= 0) & (distance % 2 == 0)
    np.testing.assert_array_equal(moved(lambda x: model(x)["hidden"], ids[0, :-1]), allowed)

    def continued(model, strategy, num_beams=1):
        step = model.start_decoding(ids[:, :3], cache_length=LENGTH, num_beams=num_beams)
        return strategy(step, ids[:, :3], max_new_tokens=4, end_id=-1, pad_id=0)

    greedy = np.array(continued(model, Greedy()).ids)[:, 0]
    whole = np.concatenate([ids[:, :3], greedy], axis=1)
    logits = np.array(model(whole)["lm"])
    np.testing.assert_array_equal(greedy, logits[:, 2:-1].argmax(-1))

    model.save(tmp_path / "own.keras")
    loaded = keras.saving.load_model(tmp_path / "own.keras")
    assert loaded.stack.mask == mask
    np.testing.assert_array_equal(loaded(whole)["lm"], logits)
    beams = [continued(each, BeamSearch(3), 3) for each in (model, loaded)]
    np.testing.assert_array_equal(beams[0].ids, beams[1].ids)
    np.testing.assert_array_equal(beams[0].scores, beams[1].scores)
