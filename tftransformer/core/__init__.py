"""What everything else stands on."""

from tftransformer.core.checks import (
    check_choice,
    check_ints,
    check_names,
    check_numbers,
    is_int,
    is_number,
    require,
)
from tftransformer.core.configurable import Configurable, Layer, copy_of, with_defaults, with_fixed
from tftransformer.core.files import (
    clear_leftovers,
    making_folder,
    replacing,
    replacing_folder,
    to_disk,
)
from tftransformer.core.locks import lock, unlock
from tftransformer.core.numerics import (
    checked_ids,
    gelu_tanh,
    get_activation,
    log_probabilities,
    masked_softmax,
)
from tftransformer.core.ragged import Ragged, splits_of
from tftransformer.core.registration import register
from tftransformer.core.selection import best_index, top_k
from tftransformer.core.sockets import build_once, check_layer, fresh
from tftransformer.core.unallocated import allocate, unallocated

__all__ = [
    "Configurable",
    "Layer",
    "Ragged",
    "allocate",
    "best_index",
    "build_once",
    "check_choice",
    "check_ints",
    "check_layer",
    "check_names",
    "check_numbers",
    "checked_ids",
    "clear_leftovers",
    "copy_of",
    "fresh",
    "gelu_tanh",
    "get_activation",
    "is_int",
    "is_number",
    "lock",
    "log_probabilities",
    "making_folder",
    "masked_softmax",
    "register",
    "replacing",
    "replacing_folder",
    "require",
    "splits_of",
    "to_disk",
    "top_k",
    "unallocated",
    "unlock",
    "with_defaults",
    "with_fixed",
]
