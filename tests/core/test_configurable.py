"""The configuration is the constructor's arguments."""

import copy
import inspect

import keras
import numpy as np
import pytest

from tftransformer.core import Configurable, Layer, with_defaults, with_fixed
from tftransformer.layers import EncoderLayer
from tftransformer.stacks import Encoder


class Plain(Configurable):
    def __init__(self, size, scale=2.0, **more):
        self.size, self.scale, self.more = size, scale, more


@keras.saving.register_keras_serializable("tests")
class Narrow(EncoderLayer):
    """A user's layer with fewer arguments than its base."""

    def __init__(self, width, **kwargs):
        super().__init__(width, 2, 4 * width, norm="pre", **kwargs)


def test_arguments_are_kept_as_given_with_defaults():
    assert Plain(3).get_config() == {"size": 3, "scale": 2.0}
    assert Plain(3, extra=[1]).get_config() == {"size": 3, "scale": 2.0, "extra": [1]}
    again = Plain.from_config(Plain(3, 1.0, extra=[1]).get_config())
    assert (again.size, again.scale, again.more) == (3, 1.0, {"extra": [1]})


def test_a_subclass_is_described_by_its_own_constructor():
    layer = Narrow(8, dropout=0.25, name="narrow")
    config = layer.get_config()
    assert set(config) == {"width", "dropout", "name", "trainable", "dtype"}
    again = Narrow.from_config(config)
    assert (again.d_model, again.dropout, again.norm, again.name) == (8, 0.25, "pre", "narrow")


def test_what_keras_describes_is_current_not_as_given():
    layer = Narrow(8, trainable=True, dtype="mixed_bfloat16")
    layer.trainable = False
    again = Narrow.from_config(layer.get_config())
    assert not again.trainable
    assert again.dtype_policy.name == "mixed_bfloat16"


def test_a_wrong_call_is_reported_by_the_constructor():
    with pytest.raises(TypeError, match="size"):
        Plain(scale=1.0)


@pytest.mark.slow
def test_copies_are_equal():
    layer = Narrow(8)
    x = np.ones((1, 3, 8), "float32")
    expected = layer(x)
    np.testing.assert_array_equal(copy.deepcopy(layer)(x), expected)


def test_weight_files_hold_each_weight_once_under_its_attribute(tmp_path):
    """Arguments that are layers are not saved a second time, or under another name."""
    import h5py

    class Holder(Layer):
        def __init__(self, inner, **kwargs):
            super().__init__(**kwargs)
            self.inner = inner

        def build(self, shape):
            self.inner.build(shape)

        def call(self, x):
            return self.inner(x)

    x = keras.Input((3,))
    keras.Model(x, Holder(keras.layers.Dense(2))(x)).save_weights(tmp_path / "a.weights.h5")
    names = []
    with h5py.File(tmp_path / "a.weights.h5") as file:
        file.visititems(lambda name, x: names.append(name) if hasattr(x, "shape") else None)
    assert names == ["layers/holder/inner/vars/0", "layers/holder/inner/vars/1"]


@keras.saving.register_keras_serializable("tests")
class Wider(Narrow):
    __init__ = with_defaults(Narrow.__init__, width=16)


def test_arguments_are_attributes_and_what_was_made_of_them_comes_first():
    layer = Narrow(8, dropout=0.25)
    assert (layer.width, layer.dropout, layer.d_model) == (8, 0.25, 8)
    assert isinstance(EncoderLayer(8, 2, 8).attention, keras.layers.Layer)
    with pytest.raises(AttributeError, match="no attribute 'height'"):
        _ = layer.height


def test_an_assignment_changes_what_is_saved_or_is_refused():
    class Own(Plain):
        assignable = frozenset({"scale"})

    own = Own(3)
    own.scale = 5.0
    assert own.get_config() == {"size": 3, "scale": 5.0}
    with pytest.raises(AttributeError, match="size of a Own is fixed when it is made"):
        own.size = 4
    own.found = 7  # no argument
    layer = Narrow(8)
    with pytest.raises(AttributeError, match="from_config"):
        layer.width = 9
    layer.trainable = False
    assert layer.get_config()["trainable"] is False


def test_other_defaults_are_seen_saved_and_overridden():
    assert inspect.signature(Wider).parameters["width"].default == 16
    assert inspect.signature(Narrow).parameters["width"].default is inspect.Parameter.empty
    assert Wider().get_config()["width"] == Wider().d_model == 16
    assert (
        Wider(4).d_model == Wider(width=4).d_model == Wider.from_config(Wider(4).get_config()).width
    )
    with pytest.raises(TypeError, match="no arguments"):
        with_defaults(Narrow.__init__, height=1)


def test_an_argument_that_there_is_not_is_named_with_those_that_there_are():
    with pytest.raises(TypeError, match=r"'layers' is no argument of EncoderLayer; .* dff, .*name"):
        EncoderLayer(8, 2, 16, layers=1)
    with pytest.raises(TypeError, match="'norms' is no argument of EncoderLayer"):
        Encoder(1, 8, 2, 16, norms="pre")


class Sixteen(Narrow):
    __init__ = with_fixed(Narrow.__init__, width=16)


def test_a_fixed_argument_is_none_of_the_class():
    made = Sixteen(dropout=0.5)
    assert made.d_model == 16
    assert "width" not in made.get_config()
    assert Sixteen.from_config(made.get_config()).d_model == 16
    with pytest.raises(TypeError, match="'width' is no argument of Sixteen"):
        Sixteen(width=3)
    with pytest.raises(TypeError, match=r"no arguments \['height'\]"):
        with_fixed(Narrow.__init__, height=1)
