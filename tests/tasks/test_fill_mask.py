"""FillMask learns what stands around a mask, beyond frequencies."""

import random

import numpy as np
import pandas as pd
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
    with pytest.raises(ValueError, match="max_length=128: shorten it, or fit with a larger"):
        fill("[MASK] " * 200)


@pytest.mark.slow
def test_a_long_text_makes_rows_of_all_of_it():
    tokenizer = tt.WordPieceTokenizer.learn(
        sentences(200, 0), 400, special_tokens=["[MASK]"], exactly=False
    )
    fill = tt.FillMask(
        {"d_model": 64, "num_heads": 2, "dff": 256}, tokenizer=tokenizer, max_length=20
    )
    texts = [" ".join(sentences(60, seed)) for seed in range(20)]
    fill.fit(texts, epochs=1, validation=0, verbose=0)
    made = fill.data_.batches(pd.DataFrame({"text": texts}))
    tokens = tokenizer.encode(texts).ids.lengths
    assert len(made.examples) == (-(-tokens // 18)).sum()
    assert made.report.cut == 0
    assert np.isfinite(fill.evaluate(texts)["perplexity"])


@pytest.mark.slow
def test_ids_of_the_model_that_are_no_pieces_are_no_answers():
    """Published tables have rows up to a round number, which nothing was trained for."""
    tokenizer = tt.WordPieceTokenizer.learn(
        sentences(50, 0), 90, special_tokens=["[MASK]"], exactly=False
    )
    size, pad = tokenizer.vocab_size, tokenizer.special_ids["pad"]
    model = tt.Deberta(size + 9, 1, 16, 2, 32, pad_id=pad)
    bias = model.heads["masked_lm"].output_projection.bias
    bias.assign(np.where(np.arange(size + 9) < size, 0.0, 50.0))
    found = tt.FillMask(model, tokenizer=tokenizer)("[MASK] bees make honey", top_k=size + 9)
    assert sorted(guess["token"] for guess in found[0]) == list(range(size))


def xlm_folder(folder, **sizes):
    """Writes an XLM with a tokenizer, and gives both back."""
    tokenizer = tt.WordPieceTokenizer.learn(
        sentences(50, 0), 90, special_tokens=["[MASK]"], exactly=False
    )
    model = tt.XLM(tokenizer.vocab_size, 1, 16, 2, pad_id=tokenizer.special_ids["pad"], **sizes)
    tt.save_pretrained(model, folder)
    read = tt.pretrained.FolderTokenizer(tokenizer, tt.text.Template.bert(), max_length=32)
    tt.pretrained.save_tokenizer(read, folder)
    return model, tokenizer


@pytest.mark.slow
def test_an_xlm_fills_masks_by_its_one_head_and_a_causal_one_does_not(tmp_path):
    model, tokenizer = xlm_folder(tmp_path / "mlm", languages=2)
    fill = tt.pipeline("fill-mask", tmp_path / "mlm")
    found = fill("[MASK] bees make honey", top_k=3)
    row = [tokenizer.special_ids["cls"], tokenizer.special_ids["mask"]]
    row += tokenizer.encode(["bees make honey"]).ids.tolist()[0] + [tokenizer.special_ids["sep"]]
    logits = np.array(model(np.array([row]))["lm"])[0, 1]
    best = np.argsort(-logits)[:3]
    assert [guess["token"] for guess in found[0]] == best.tolist()
    scores = np.exp(logits - logits.max())[best] / np.exp(logits - logits.max()).sum()
    np.testing.assert_allclose([guess["score"] for guess in found[0]], scores, rtol=1e-4)
    fill.fit(sentences(40, 1), epochs=1, validation=0, verbose=0)
    assert fill.data_.objective.output == "lm"
    xlm_folder(tmp_path / "clm", causal=True)
    with pytest.raises(RuntimeError, match="no weights of the head 'masked_lm'"):
        tt.pipeline("fill-mask", tmp_path / "clm")
