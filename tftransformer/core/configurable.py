"""A configuration that is the constructor's arguments, written down once."""

import functools
import inspect
from collections import UserDict
from collections.abc import Callable, Iterable
from typing import Any

import keras

from tftransformer.core.checks import check_names


class Configurable:
    """Mixin: `get_config` and `from_config` derived from the signature of `__init__`.

    Each named argument of the outermost constructor is kept and serialised as it was given;
    arguments may be plain values, lists of them, or Keras-serialisable objects (masks, layers,
    positions). What the base class describes itself (a Keras layer: `name`, `trainable`,
    `dtype`) is left to it.

    Each argument is an attribute of the same name. What the constructor made of it under that
    name comes first, such as a layer where none was given. An assignment after the construction
    changes what is saved, for the names that the class lists as `assignable`; any other is
    refused, for it would change what is saved or what acts, and not both.

    List it before the Keras base class:

    >>> class Scale(Configurable, keras.layers.Layer):
    ...     def __init__(self, factor=2.0, **kwargs):
    ...         super().__init__(**kwargs)
    ...         self.factor = factor
    >>> Scale(3.0).get_config()["factor"]
    3.0
    """

    # Arguments that are read at each call, so that they may become others.
    assignable: frozenset[str] = frozenset()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "__init__" in vars(cls):
            made = _told_when_it_ends(cls.__init__)
            cls.__init__ = made  # type: ignore[method-assign]

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        if super().__new__ is object.__new__:
            instance = super().__new__(cls)
        else:
            instance = super().__new__(cls, *args, **kwargs)
        signature = inspect.signature(cls.__init__)
        try:
            bound = signature.bind(None, *args, **kwargs)
        except TypeError:
            return instance  # the constructor itself reports a wrong call
        bound.apply_defaults()
        own = dict(list(bound.arguments.items())[1:])
        for name, parameter in signature.parameters.items():
            if parameter.kind is parameter.VAR_KEYWORD:
                own |= own.pop(name, {})
            elif parameter.kind is parameter.VAR_POSITIONAL:
                own.pop(name, None)
        # Past Keras's attribute tracking: an argument is not a sublayer until it is assigned. And
        # no dict, which Keras would search for layers when it saves weights.
        object.__setattr__(instance, "_arguments", UserDict(own))
        return instance

    def __getattr__(self, name: str) -> Any:
        # Not before: TensorFlow skips an assignment of what an attribute is already.
        if self.__dict__.get("_is_made") and name in self._arguments:
            return self._arguments[name]
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __setattr__(self, name: str, value: Any) -> None:
        if self.__dict__.get("_is_made") and name in self._arguments and name not in _OF_KERAS:
            if name not in self.assignable:
                raise AttributeError(
                    f"{name} of a {type(self).__name__} is fixed when it is made. Make another: "
                    f"{type(self).__name__}.from_config({{**config, {name!r}: …}})."
                )
            self._arguments[name] = value
        super().__setattr__(name, value)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments as plain, serialisable values."""
        inherited: dict[str, Any] = getattr(super(), "get_config", dict)()
        own = {
            name: keras.saving.serialize_keras_object(value)
            for name, value in self._arguments.items()
            if name not in inherited
        }
        return {**inherited, **own}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Builds the object that `get_config` described."""
        return cls(**{
            name: keras.saving.deserialize_keras_object(value)
            for name, value in config.items()
        })  # fmt: skip


# What Keras keeps, describes and lets people assign itself.
_OF_KERAS = {"name", "trainable", "dtype", "dtype_policy"}
# What Keras takes for any layer.
_OF_LAYERS = ("name", "dtype", "trainable", "activity_regularizer", "autocast")


def _told_when_it_ends(init: Callable) -> Callable:
    """Wraps a constructor: behind the outermost one the object counts as made."""

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        init(self, *args, **kwargs)
        if type(self).__init__ is __init__:
            object.__setattr__(self, "_is_made", True)

    return _described(__init__, init, inspect.signature(init))


def _described(function: Any, original: Callable, signature: inspect.Signature) -> Callable:
    """Gives a function the name of another, and the signature that Keras reads off it."""
    functools.update_wrapper(function, original)
    function.__signature__ = signature
    return function


def with_defaults(init: Callable, **defaults: Any) -> Callable:
    """Returns a base's constructor with other defaults, as that of a class that differs in them.

    >>> class Scale:
    ...     def __init__(self, factor=2.0):
    ...         self.factor = factor
    >>> class Wide(Scale):
    ...     __init__ = with_defaults(Scale.__init__, factor=4.0)
    >>> Wide().factor
    4.0
    """
    signature = _signature_with(init, defaults)

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        given = signature.bind_partial(self, *args, **kwargs).arguments
        init(self, *args, **{k: v for k, v in defaults.items() if k not in given}, **kwargs)

    parameters = [
        parameter.replace(default=defaults.get(name, parameter.default))
        for name, parameter in signature.parameters.items()
    ]
    return _described(__init__, init, signature.replace(parameters=parameters))


def with_fixed(init: Callable, **fixed: Any) -> Callable:
    """Returns a base's constructor without some arguments, as that of a class where they are fixed.

    >>> class Scale:
    ...     def __init__(self, factor=2.0, offset=0.0):
    ...         self.factor, self.offset = factor, offset
    >>> class Shift(Scale):
    ...     __init__ = with_fixed(Scale.__init__, factor=1.0)
    >>> Shift(offset=3.0).factor, [*inspect.signature(Shift).parameters]
    (1.0, ['offset'])
    """
    signature = _signature_with(init, fixed)
    parameters = [one for name, one in signature.parameters.items() if name not in fixed]
    own = signature.replace(parameters=parameters)

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        names = [one.name for one in parameters[1:] if one.kind is not one.VAR_KEYWORD]
        check_names(kwargs.keys() & fixed.keys(), names, f"argument of {type(self).__name__}")
        init(**own.bind_partial(self, *args).arguments, **kwargs, **fixed)

    return _described(__init__, init, own)


def _signature_with(init: Callable, named: Iterable[str]) -> inspect.Signature:
    """Returns the signature of a constructor; raises a TypeError if it lacks an argument."""
    signature = inspect.signature(init)
    unknown = {*named} - signature.parameters.keys()
    if unknown:
        raise TypeError(f"{init.__qualname__} has no arguments {sorted(unknown)}")
    return signature


class Layer(Configurable, keras.layers.Layer):
    """Base of the layers here: its config is its arguments, implicit Keras masks pass through.

    Attributes:
        keeps_tokens: whether the output has the axis of tokens that a mask is of; if not, the mask
            ends here.
    """

    keeps_tokens = True

    def __init__(self, **kwargs: Any) -> None:
        if kwargs.keys() - {*_OF_LAYERS}:
            known = [*inspect.signature(type(self)).parameters, *_OF_LAYERS]
            known = [name for name in known if name not in ("kwargs", "options")]
            check_names(kwargs, known, f"argument of {type(self).__name__}")
        super().__init__(**kwargs)
        self.supports_masking = True

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        return previous_mask if self.keeps_tokens else None


def copy_of(layer: keras.layers.Layer) -> keras.layers.Layer:
    """Returns a new layer with the same configuration, name and no weights in common."""
    return layer.from_config(_without_ids(layer.get_config()))


def _without_ids(config: Any) -> Any:
    """Drops the ids by which Keras, while it loads a model, finds objects that are shared."""
    if isinstance(config, dict):
        return {k: _without_ids(v) for k, v in config.items() if k != "shared_object_id"}
    if isinstance(config, list):
        return [_without_ids(value) for value in config]
    return config
