"""Parts of a model: which they are, their rates, and that freezing them holds, also resumed."""

import keras
import numpy as np
import pytest

import tftransformer as tt
from tftransformer.training import Trainer, recipes
from tftransformer.training.trainable import freeze_layers, frozen_layers, parts_of

SIZES = {"num_layers": 2, "d_model": 8, "num_heads": 2, "dff": 16}


def names_of(model):
    return [
        {"/".join(v.path.split("/")[1:3]) for layer in part for v in layer._trainable_variables}
        for part in parts_of(model)
    ]


def test_parts_of_a_stack_are_embeddings_layers_and_heads():
    model = tt.Bert(20, **SIZES, num_positions=12, heads=["masked_lm", "pooled"])
    bottom, first, second, heads = names_of(model)
    assert bottom == {"stack/embeddings"}
    assert (first, second) == ({"stack/layer_0"}, {"stack/layer_1"})
    assert {name.split("/")[0] for name in heads} == {"masked_lm", "pooled"}


@pytest.mark.slow
@pytest.mark.parametrize("family", ["Transformer", "T5", "Bart", "XLNet", "TransformerXL"])
def test_every_trained_weight_is_of_one_part(family):
    sizes = SIZES | {"vocab_size": 20}
    if family == "Transformer":
        model = tt.Transformer(2, 8, num_heads=2, dff=16, vocab_size=20)
    elif family == "TransformerXL":
        model = tt.TransformerXL(**sizes, memory_length=4, cutoffs=(8,), d_embed=8)
    else:
        model = getattr(tt, family)(**sizes)
    parts = parts_of(model)
    found = [id(v) for part in parts for layer in part for v in layer._trainable_variables]
    assert sorted(found) == sorted(id(v) for v in model.trainable_variables)
    assert len(parts) in ((3, 4) if family in ("XLNet", "TransformerXL") else (5, 6))


def test_a_part_below_moves_by_the_power_of_the_decay():
    model = untied()
    rule = recipes.LayerwiseRates(decay=0.5)
    rule.begin(model)
    scales = {v.path: rule.update_scale(v) for v in model.trainable_variables}
    assert {s for path, s in scales.items() if "embeddings" in path} == {0.125}
    assert {s for path, s in scales.items() if "layer_1" in path or "final" in path} == {0.5}
    with pytest.raises(ValueError, match="decay"):
        recipes.LayerwiseRates(decay=1.5)


def test_frozen_layers_with_a_tied_head_are_restored_as_they_were():
    model = tt.Bert(20, **SIZES, num_positions=12, heads=["masked_lm"])
    recipes.freeze(model, below=1)
    frozen = frozen_layers(model)
    trained = [v.path for v in model.trainable_variables]
    assert not any("embeddings" in path for path in trained)
    freeze_layers(model, [])
    assert len(model.trainable_variables) > len(trained)
    freeze_layers(model, frozen)
    assert [v.path for v in model.trainable_variables] == trained


@pytest.mark.parametrize("below", [4, 9])
def test_freezing_everything_is_refused(below):
    model = tt.Bert(20, **SIZES, num_positions=12)
    with pytest.raises(ValueError, match="all 4 parts"):
        recipes.freeze(model, below)
    assert model.trainable_variables


IDS = np.random.default_rng(0).integers(0, 20, (12, 6)).astype("int32")


def batches():
    import tensorflow as tf

    weights = np.ones_like(IDS, "float32")
    return tf.data.Dataset.from_tensor_slices((IDS, IDS, weights)).batch(4)


class Moved(keras.callbacks.Callback):
    """Which parts moved in each epoch."""

    def on_train_begin(self, logs=None):
        self.seen = []

    def values(self):
        parts = parts_of(self.model)
        return [[np.array(v) for x in part for v in x._trainable_variables] for part in parts]

    def on_epoch_begin(self, epoch, logs=None):
        self.before = self.values()

    def on_epoch_end(self, epoch, logs=None):
        pairs = zip(self.before, self.values(), strict=True)
        self.seen.append(
            [any((a != b).any() for a, b in zip(*pair, strict=True)) for pair in pairs]
        )


def untied():
    keras.utils.set_random_seed(0)
    model = tt.Gpt2(20, **SIZES, num_positions=12, dropout=0.1, tied=False)
    return model.only("lm")


EXPECTED = [[False, False, False, True], [False, False, True, True], [False, True, True, True]]


@pytest.mark.slow
def test_one_part_more_moves_with_each_epoch_in_the_trainer_and_in_fit():
    for fits in (False, True):
        model, moved = untied(), Moved()
        callbacks = [recipes.GradualUnfreezing(), moved]
        if fits:
            model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
            model.fit(batches(), epochs=5, verbose=0, callbacks=callbacks, shuffle=False)
        else:
            optimizer = keras.optimizers.AdamW(1e-2)
            Trainer(
                model, batches(), optimizer=optimizer, epochs=5, verbose=0, callbacks=callbacks
            ).train()
        assert moved.seen == [*EXPECTED, [True] * 4, [True] * 4]


@pytest.mark.slow
def test_unfreezing_with_layerwise_rates_resumes_bit_by_bit(tmp_path):
    def run(**options):
        model = untied()
        trainer = Trainer(
            model,
            batches(),
            optimizer=keras.optimizers.AdamW(1e-2),
            gradients=recipes.LayerwiseRates(),
            epochs=3,
            callbacks=[recipes.GradualUnfreezing()],
            verbose=0,
            **options,
        )
        trainer.train()
        return model.get_weights()

    whole = run()
    run(directory=tmp_path, steps=4)
    for one, other in zip(whole, run(directory=tmp_path, resume=True), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_only_what_trains_is_traced_anew_when_a_part_more_is_trained():
    trainer = Trainer(
        untied(),
        batches(),
        batches(),
        optimizer="adam",
        epochs=3,
        gradient_accumulation=2,
        callbacks=[recipes.GradualUnfreezing()],
        verbose=0,
    )
    trainer.train()
    traced = [name for name, *_ in trainer._loop.steps._traces]
    assert [traced.count(name) for name in ("_train", "_update", "_evaluate")] == [3, 3, 1]


@pytest.mark.slow
def test_an_optimizer_that_knows_only_what_was_not_frozen_is_refused():
    model = untied()
    recipes.freeze(model, below=3)
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(batches(), verbose=0, shuffle=False)
    with pytest.raises(ValueError, match="compile the model anew"):
        model.fit(batches(), verbose=0, shuffle=False, callbacks=[recipes.GradualUnfreezing()])
