"""Translation language models: a plain loop, which rows are drawn, and a model that translates."""

from types import SimpleNamespace

import keras
import numpy as np
import pandas as pd
import pytest

from tftransformer.core import Ragged
from tftransformer.data import DataProcess
from tftransformer.models import XLM
from tftransformer.objectives import TranslationLM
from tftransformer.text import Template
from tftransformer.training import Trainer

TOKENIZER = SimpleNamespace(
    special_ids={"pad": 0, "start": 1, "end": 2, "unk": 3, "mask": 4}, vocab_size=50
)
XLMS = Template("start a end", "start a end start b end")


def texts(count, low):
    random = np.random.default_rng(low)
    return [random.integers(low, low + 20, random.integers(1, 9)).tolist() for _ in range(count)]


def examples(columns, template=XLMS, training=True, **options):
    objective = TranslationLM(**options)
    objective.fit(columns[-1:])
    columns = [*map(Ragged.from_rows, columns[:-1]), columns[-1]]
    return objective, objective.examples(columns, [TOKENIZER] * 2, template, training=training)


@pytest.mark.parametrize("template", [XLMS, Template.plain(), Template("a", "a b")])
def test_positions_begin_again_and_tokens_of_both_languages_are_hidden(template):
    first, second, languages = texts(60, 5), texts(60, 25), ["en-de", ("de", "fr"), "fr-en"] * 20
    objective, made = examples([first, second, languages], template, training=False)
    assert objective.languages_ == ["de", "en", "fr"]
    inputs, labels, weights = made.batch(np.array([*range(60), -1]), made.lengths.max(axis=0))
    starts, ends = "start" in template.single, "end" in template.single
    seen = set()
    for row, (one, two) in enumerate(zip(first, second, strict=True)):
        one = [1] * starts + one + [2] * ends
        two = [1] * (template is XLMS) + two + [2] * ends
        size = len(one) + len(two)
        languages = [[1, 0], [0, 2], [2, 1]][row % 3]
        assert inputs["position_ids"][row, :size].tolist() == [*range(len(one)), *range(len(two))]
        expected = [languages[0]] * len(one) + [languages[1]] * len(two)
        assert inputs["language_ids"][row, :size].tolist() == expected
        assert inputs["padding_mask"][row].sum() == size
        places = inputs["mask_positions"][row, weights["lm"][row] > 0]
        truth = labels["lm"][row, weights["lm"][row] > 0]
        assert truth.tolist() == [(one + two)[place] for place in places]
        assert min(truth) >= 5  # nothing special
        seen |= {place < len(one) for place in places}
        kept = np.setdiff1d(np.arange(size), places)
        assert inputs["token_ids"][row, kept].tolist() == [(one + two)[place] for place in kept]
    assert seen == {True, False}
    assert not inputs["padding_mask"][60].any()
    assert not weights["lm"][60].any()


def test_one_text_knows_its_language():
    objective, made = examples([texts(2, 5), ["b", "a"]], languages=["b", "c", "a"])
    inputs, _, _ = made.batch(np.array([0, 1]), made.lengths.max(axis=0))
    assert objective.languages_ == ["b", "c", "a"]
    assert (inputs["language_ids"] == [[0], [2]]).all()
    assert (inputs["position_ids"] == np.arange(inputs["position_ids"].shape[1])).all()


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
def test_languages_are_drawn_by_their_frequency_to_the_power_of_alpha(alpha):
    counts = {"a": 900, "b": 90, "c": 10}
    languages = [name for name, count in counts.items() for _ in range(count)]
    rows = [[5 + i % 40] for i in range(1000)]
    objective, made = examples([rows, languages], alpha=alpha)
    drawn = np.zeros(3)
    for epoch in range(20):
        now = made.of_epoch(3, epoch)
        assert len(now) == 1000
        inputs, _, _ = now.batch(np.arange(1000), now.lengths.max(axis=0))
        drawn += np.bincount(inputs["language_ids"][:, 0], minlength=3)
    expected = np.array(list(counts.values())) ** alpha
    np.testing.assert_allclose(drawn / drawn.sum(), expected / expected.sum(), atol=0.01)
    assert objective.languages_ == ["a", "b", "c"]


def test_a_draw_depends_on_seed_epoch_and_row_alone_and_only_rows_that_were_taken_are_drawn():
    rows, languages = texts(200, 5), ["a"] * 180 + ["b"] * 20
    _, made = examples([rows, languages])
    widths = made.lengths.max(axis=0)

    def ids(examples, rows=range(200)):
        return examples.batch(np.asarray(rows), widths)[0]["token_ids"]

    whole = ids(made.of_epoch(3, 7))
    np.testing.assert_array_equal(ids(made.of_epoch(3, 7), range(199, -1, -1))[::-1], whole)
    for other in ((3, 8), (4, 7)):
        assert (ids(made.of_epoch(*other)) != whole).any()
    kept = np.arange(0, 200, 10)
    taken = made.take(kept).of_epoch(3, 7)
    assert len(taken) == 20
    lengths = {len(rows[i]) + 2 for i in kept}
    assert set(taken.lengths[:, 0].tolist()) <= lengths
    _, plain = examples([rows, languages], training=False)
    assert (plain.of_epoch(3, 7).lengths[:, 0] == [len(row) + 2 for row in rows]).all()


def test_settings_come_back_and_mistakes_are_named():
    objective = TranslationLM(0.2, 0.7, languages=["en", "de"], whole_words=True, output="x")
    loaded = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(objective))
    assert loaded.get_config() == objective.get_config()
    assert not loaded.is_fitted
    with pytest.raises(ValueError, match="a row is in 'fr'; the languages are"):
        objective.fit([["en-fr"]])
    with pytest.raises(ValueError, match="are not 2 of"):
        examples([texts(1, 5), texts(1, 5), ["en"]])
    with pytest.raises(ValueError, match="two texts and their languages"):
        DataProcess("text", objective=TranslationLM())
    with pytest.raises(ValueError, match="alpha"):
        TranslationLM(alpha=2.0)


@pytest.mark.slow
@pytest.mark.parametrize("way", ["Trainer", "fit"])
def test_a_small_xlm_learns_to_look_at_the_other_language(way):
    random = np.random.default_rng(0)
    number = random.integers(0, 12, (2500, 4))
    frame = pd.DataFrame({
        "en": [" ".join(f"w{'abcdefghijkl'[i]}" for i in row) for row in number],
        "de": [" ".join(f"v{'abcdefghijkl'[i]}" for i in row) for row in number],
        "languages": "en-de",
    })  # fmt: skip
    objective = TranslationLM(0.2, output=None if way == "fit" else "lm")
    data = DataProcess("en", "de", "languages", objective=objective, tokenizer="wordpiece",
                       vocab_size=45, batch_tokens=1024)  # fmt: skip
    train = data.fit(frame).batches(frame)
    validation = data.batches(frame.head(300), training=False)
    keras.utils.set_random_seed(1)
    pad = data.tokenizers[0].special_ids["pad"]
    model = XLM(data.tokenizers[0].vocab_size, 2, 32, 4, languages=2, num_positions=64, dropout=0.0,
                attention_dropout=0.0, pad_id=pad)  # fmt: skip
    adam = keras.optimizers.Adam(5e-3)
    if way == "Trainer":
        trainer = Trainer(model, train, validation, optimizer=adam, epochs=8, verbose=0)
        loss = trainer.train().history["val_loss"][-1]
    else:
        model = model.only("lm")
        model.compile(adam, loss=objective.losses(), weighted_metrics=objective.metrics())
        model.fit(train.dataset(), epochs=8, shuffle=False, verbose=0)
        loss = model.evaluate(validation.dataset(), verbose=0)[0]
    assert loss < 1.0  # 1.4 where the second text is no translation of the first
