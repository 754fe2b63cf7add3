"""Tables of constants that the reference implementations compute."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from tftransformer.positions import BucketedBias, SinusoidalPositions

ROOT = os.environ.get("TFTRANSFORMER_PARITY_ROOT", "no such folder")


def position_table(config, table):
    """Marian's sinusoids: all sines before all cosines."""
    return SinusoidalPositions(config["d_model"], layout="concatenated")(np.arange(len(table)))


def buckets(config, table, bidirectional):
    """T5's buckets of distances."""
    layer = BucketedBias(
        1,
        config["relative_attention_num_buckets"],
        config["relative_attention_max_distance"],
        bidirectional=bidirectional,
    )
    return layer.buckets(*(np.arange(size) for size in table.shape))


TABLES = {
    "static.position_table": position_table,
    "static.encoder_buckets": lambda config, table: buckets(config, table, bidirectional=True),
    "static.decoder_buckets": lambda config, table: buckets(config, table, bidirectional=False),
}
FOUND = [
    pytest.param(file.parent, name, id=f"{file.parent.parent.name}/{file.parent.name}/{name}")
    for file in sorted(Path(ROOT).glob("*/*/outputs.npz"))
    for name in np.load(file).files
    if name.startswith("static.")
]


@pytest.mark.parametrize(("folder", "name"), FOUND)
def test_equals_the_reference(folder, name):
    table = np.load(folder / "outputs.npz")[name]
    config = json.loads((folder / "config.json").read_text())
    np.testing.assert_allclose(TABLES[name](config, table), table, atol=1e-5)
