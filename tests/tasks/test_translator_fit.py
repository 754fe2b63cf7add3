"""The Translator as a task: fit from a table, frames, settings, scikit-learn, resume."""

import keras
import numpy as np
import pandas as pd
import pytest

from tftransformer.data import DataProcess
from tftransformer.decoding import BeamSearch, Greedy
from tftransformer.models import Transformer
from tftransformer.tasks import Translator
from tftransformer.tasks.learners import learn_bpe
from tftransformer.training import InverseSquareRootSchedule, Trainer

NUMBERS = {"one": "eins", "two": "zwei", "three": "drei", "four": "vier", "five": "fünf"}
PAIRS = [
    (f"{a} and {b}", f"{NUMBERS[a]} und {NUMBERS[b]}") for a in NUMBERS for b in NUMBERS if a != b
]
FRAME = pd.DataFrame(PAIRS, columns=["english", "german"], index=range(50, 70))
SIZES = {"num_layers": 1, "d_model": 32, "num_heads": 2, "dff": 64, "dropout": 0.0}
SETTINGS = {"vocab_size": 300, "learning_rate": 0.01, "warmup_steps": 40, "max_length": 20}
COLUMNS = {"source": "english", "target": "german"}
HOW = {"validation": FRAME, "verbose": 0}


@pytest.fixture(scope="module")
def translate():
    return Translator(SIZES, **SETTINGS).fit(FRAME, **COLUMNS, **HOW, epochs=120)


@pytest.mark.slow
def test_it_learns_and_answers_in_the_container_it_was_asked_in(translate):
    expected = translate(FRAME["english"].tolist())
    assert np.mean([a == b for a, b in zip(expected, FRAME["german"], strict=True)]) > 0.9
    answered = translate(FRAME)
    assert answered.index.equals(FRAME.index)
    assert answered["translation_text"].tolist() == expected
    assert answered.columns.tolist() == ["translation_text"]
    assert translate.predict(FRAME).tolist() == expected
    assert translate(tuple(FRAME["english"][:2])) == tuple(expected[:2])  # no pair of texts
    with pytest.raises(ValueError, match=r"column 'english' is not in .* It was fitted"):
        translate(FRAME[["german"]])


@pytest.mark.slow
def test_what_was_fitted_is_scored_by_its_columns_beside_copies(translate):
    frame = FRAME.assign(english="so " + FRAME["english"])
    scores = translate.evaluate(frame)
    lists = translate.evaluate(frame["english"], frame["german"].tolist(), baselines=False)
    assert scores.pop("nearest")["chrf"] > 0
    assert scores == lists
    assert translate.score(frame) == lists["bleu"]
    assert translate.validation_["loss"] == pytest.approx(translate.history_["val_loss"][-1])
    assert translate.report_.used == len(FRAME)


@pytest.mark.slow
def test_a_setting_that_is_changed_acts(translate, tmp_path):
    beams = translate.n_best(["one and two"])[0]
    greedy = translate.set_params(strategy=Greedy()).n_best(["one and two"])[0]
    translate.save(tmp_path / "de")
    loaded = Translator.load(tmp_path / "de")
    assert loaded.strategy == Greedy()
    assert loaded.n_best(["one and two"])[0] == greedy
    assert loaded.get_params() == translate.get_params()
    assert loaded(FRAME).equals(translate(FRAME))  # it knows its columns
    assert translate.set_params(strategy=None).n_best(["one and two"])[0] == beams
    translate.set_params(batch_size=0)
    with pytest.raises(ValueError, match="batch_size=0"):
        translate("one and two")
    translate.set_params(batch_size=32)


@pytest.mark.slow
def test_what_fit_does_is_what_its_parts_do(tmp_path):
    how = {"tokenizer": learn_bpe, "vocab_size": 300, "batch_tokens": 2048, "max_length": 20}
    data = DataProcess(*COLUMNS.values(), **how)
    train = data.fit(FRAME).batches(FRAME)
    keras.utils.set_random_seed(0)
    size = data.source_tokenizer.vocab_size
    model = Transformer(**SIZES, norm="pre", vocab_size=size)
    schedule = InverseSquareRootSchedule(0.01, warmup_steps=40)
    trainer = Trainer(
        model,
        train,
        data.batches(FRAME, training=False),
        optimizer=keras.optimizers.Adam(schedule, beta_2=0.98, epsilon=1e-9),
        epochs=3,
        directory=tmp_path / "by_hand",
        verbose=0,
    )
    trainer.train()
    trainer.load("winner", last=5)
    how = {**COLUMNS, **HOW, "epochs": 3, "directory": tmp_path / "fit"}
    translate = Translator(SIZES, **SETTINGS).fit(FRAME, **how)
    for one, other in zip(model.get_weights(), translate.model_.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_a_run_goes_on_and_ends_as_if_it_had_not_stopped(tmp_path):
    def fit(folder, **how):
        translate = Translator({**SIZES, "dropout": 0.1}, **SETTINGS)
        how = {**COLUMNS, **HOW, "directory": tmp_path / folder, **how}
        return translate.fit(FRAME, **how)

    whole = fit("whole", epochs=4)
    fit("parts", epochs=2)
    with pytest.raises(ValueError, match="checkpoints of an earlier run"):
        fit("parts", epochs=4)
    parts = fit("parts", epochs=4, resume=True)
    for one, other in zip(whole.model_.get_weights(), parts.model_.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert whole.history_ == parts.history_
    with pytest.raises(ValueError, match="begun with vocab_size=300"):
        Translator(SIZES, **{**SETTINGS, "vocab_size": 290}).fit(
            FRAME, **COLUMNS, directory=tmp_path / "parts", resume=True
        )


@pytest.mark.slow
def test_a_trained_model_is_trained_further(translate):
    given = {"max_length": 20, "learning_rate": 0.01, "warmup_steps": 10, "sampling_alpha": 0.1}
    further = Translator(translate.model_, translate.data_, **given)
    weights = translate.model_.get_weights()
    before = further.evaluate(FRAME, baselines=False)["chrf"]
    other = FRAME.assign(german=FRAME["german"].str.replace(" und ", " "))
    further.fit(other, **COLUMNS, epochs=60, validation=0, verbose=0)
    assert further.source_tokenizer.sampling_alpha == 0.1
    for one, other in zip(translate.model_.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(one, other)  # what was given stays as it is
    assert before > further.evaluate(FRAME, baselines=False)["chrf"]


def test_settings_stay_as_they_were_given():
    from sklearn.base import clone

    given = {"strategy": BeamSearch(2), "processors": (), "max_length": None, "seed": 3}
    translate = clone(Translator(SIZES, **given))
    assert translate.get_params()["model"] == SIZES
    assert {name: getattr(translate, name) for name in given} == given
    assert "seed=3" in repr(translate)
    with pytest.raises(RuntimeError, match="has learnt nothing yet"):
        translate("one")


@pytest.mark.parametrize(
    ("settings", "how", "message"),
    [
        ({"model": {"num_heads": 3}}, {}, "does not divide into num_heads=3"),
        ({"strategy": "beam"}, {}, "strategy must be a decoding strategy"),
        ({"learning_rate": -1}, {}, "learning_rate=-1 was given; expected a number > 0"),
        ({"batch_tokens": 5}, {}, "leaves no room"),
        ({}, {"source": "en"}, "column 'en' is not in the DataFrame"),
        ({}, {"epochs": 0}, "epochs=0 was given; expected an int ≥ 1"),
        ({}, {"minuts": 3}, "'minuts' is an argument of neither fit nor Trainer: 'minutes' is one"),
        (
            {"model": {"layers": 3}},
            {},
            "layers=3 was given; Transformer takes num_layers, .*norm, ",
        ),
    ],
    ids=str,
)
def test_what_is_wrong_comes_before_anything_is_learnt(settings, how, message, tmp_path):
    with pytest.raises((ValueError, TypeError), match=message):
        Translator(**settings).fit(FRAME, **{**COLUMNS, "directory": tmp_path / "run", **how})
    assert not (tmp_path / "run").exists()
