"""What decoding objects are: frozen dataclasses that Keras can serialise."""

import dataclasses
import math

import keras


class Settings:
    """Base of the decoding objects: the dataclass fields are the configuration.

    Subclasses are `@register @dataclass(frozen=True)`, which gives them `repr`, equality and
    hash; values are plain Python or other registered objects.
    """

    def get_config(self):
        return {field.name: _plain(getattr(self, field.name)) for field in dataclasses.fields(self)}

    @classmethod
    def from_config(cls, config):
        return cls(**{name: _object(value) for name, value in config.items()})


def _plain(value):
    if isinstance(value, Settings):
        return keras.saving.serialize_keras_object(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value


def _object(value):
    return keras.saving.deserialize_keras_object(value) if isinstance(value, dict) else value


def require(condition, name, value, expected):
    """Raises a ValueError that names the argument, the value given and what was expected."""
    if not condition:
        raise ValueError(f"{name}={value!r} was given; expected {expected}.")


def is_int(value, at_least=None):
    """Whether `value` is a Python int (a bool is none), not below `at_least`."""
    return (
        isinstance(value, int)
        and not isinstance(value, bool)
        and (at_least is None or value >= at_least)
    )


def is_number(value):
    """Whether `value` is a finite Python int or float (a bool is none)."""
    is_one = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_one and math.isfinite(value)
