"""FillMask learns what stands around a mask, beyond frequencies."""

import random

import pytest

import tftransformer as tt

FACTS = [
    "cats chase small mice",
    "dogs bury old bones",
    "birds build high nests",
    "bees make sweet honey",
    "cooks bake fresh bread",
    "farmers grow yellow corn",
    "pilots fly white planes",
    "tailors sew warm coats",
]
TIMES = ["today", "often", "now"]


def sentences(rows, seed):
    """A time, which nothing foretells, and words of which each foretells all others."""
    draw = random.Random(seed)
    return [f"{draw.choice(TIMES)} {draw.choice(FACTS)}" for _ in range(rows)]


@pytest.mark.slow
def test_a_regular_language_is_learnt_beyond_its_frequencies():
    tokenizer = tt.WordPieceTokenizer.learn(
        sentences(200, 0), 400, special_tokens=["[MASK]"], exactly=False
    )
    fill = tt.FillMask({"d_model": 64, "num_heads": 2, "dff": 256}, tokenizer=tokenizer)
    fill.fit(sentences(3000, 1), epochs=8, validation=0, verbose=0)
    scores = fill.evaluate(sentences(300, 2))
    best = (4 + 1 / 3) / 5  # four words of five are certain
    assert scores["unigram"]["accuracy"] < 0.2
    assert scores["accuracy"] == pytest.approx(best, abs=0.08)
    assert scores["perplexity"] < scores["unigram"]["perplexity"] / 4
    (guesses,) = fill("now bees make [MASK] honey", top_k=1)
    assert guesses[0]["token_str"] == "sweet"
    assert guesses[0]["score"] > 0.5
