"""Clusters of tokens have vectors of their own width, and all come out in one."""

import numpy as np
import pytest

from tftransformer.layers import AdaptiveEmbedding

D = 8
IDS = np.array([[0, 2, 3, 6], [7, 9, 5, 1]], "int32")


def test_each_id_has_its_clusters_vector_projected():
    layer = AdaptiveEmbedding(10, D, cutoffs=(3, 7), d_embed=4, shrink=2)
    found = np.array(layer(IDS))
    assert [table.shape for table in layer.tables] == [(3, 4), (4, 2), (3, 1)]
    for place in np.ndindex(*IDS.shape):
        cluster = sum(IDS[place] >= cut for cut in (3, 7))
        table, projection = (np.array(x[cluster]) for x in (layer.tables, layer.projections))
        row = IDS[place] - (0, 3, 7)[cluster]
        np.testing.assert_allclose(found[place], table[row] @ projection, atol=1e-6)


@pytest.mark.slow_after(1)
@pytest.mark.parametrize(
    ("options", "parameters"),
    [
        ({}, 10 * D),
        ({"cutoffs": [3, 7]}, 10 * D),
        ({"d_embed": 4}, 10 * 4 + 4 * D),
        ({"cutoffs": [3, 7], "d_embed": 4, "shrink": 2}, 12 + 8 + 3 + (4 + 2 + 1) * D),
        ({"shrink": 2}, 10 * D + D * D),
    ],
)
def test_contract(options, parameters, layer_contract):
    layer_contract(
        lambda **given: AdaptiveEmbedding(10, D, **options, **given), IDS, parameters=parameters
    )


@pytest.mark.parametrize("cutoffs", [(7, 3), (3, 3), (0, 3), (3, 12)])
def test_cutoffs_out_of_order(cutoffs):
    with pytest.raises(ValueError, match="cutoffs ascend"):
        AdaptiveEmbedding(10, D, cutoffs=cutoffs)


def test_clusters_without_width():
    with pytest.raises(ValueError, match="leaves no width"):
        AdaptiveEmbedding(10, D, cutoffs=(3, 7), shrink=4)
