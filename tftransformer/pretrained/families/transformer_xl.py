"""Transformer-XL's files."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from tftransformer.models import TransformerXL
from tftransformer.pretrained.entries import words
from tftransformer.pretrained.family import Family
from tftransformer.pretrained.fields import Field
from tftransformer.pretrained.rules import Rule, dense, norm

LAYER = "stack.layers.{n}"
ATTENTION = f"{LAYER}.attention"
THEIR_LAYER = "{body}layers.{n}"
THEIR_ATTENTION = f"{THEIR_LAYER}.dec_attn"


def ties(flags: Any, config: Mapping[str, Any]) -> Any:
    """One flag for each cluster says whether its projection is tied; never that of the first."""
    if flags is None:
        return config["proj_share_all_but_first"]
    if len({bool(flag) for flag in flags[1:]}) > 1 or any(flags[:1]):
        raise ValueError(f"tie_projs={flags}: all projections but the first are tied, or none.")
    return all(flags[1:])


def frequencies(config: Mapping[str, Any]) -> Any:
    """Of the sinusoids, rounded to single precision where torch rounds them."""
    width = config["d_model"]
    exponents = np.arange(0, width, 2, dtype="float32") / np.float32(width)
    return np.float32(1) / (10000 ** exponents.astype("float64")).astype("float32")


TRANSFORMER_XL = Family(
    model_type="transfo-xl",
    model=TransformerXL,
    fields=(
        Field("vocab_size", "vocab_size"),
        Field("n_layer", "num_layers"),
        Field("d_model", "d_model"),
        Field("n_head", "num_heads"),
        Field(
            "d_head", "head_width", save=lambda width, a: width or a["d_model"] // a["num_heads"]
        ),
        Field("d_inner", "dff"),
        Field("mem_len", "memory_length"),
        Field("same_length", "same_length"),
        Field(
            "clamp_len",
            "clamp",
            lambda length, config: length if length > 0 else None,
            lambda clamp, arguments: clamp or -1,
        ),
        Field("cutoffs", "cutoffs", save=lambda cutoffs, arguments: list(cutoffs)),
        Field("d_embed", "d_embed", save=lambda width, a: width or a["d_model"]),
        Field("div_val", "shrink"),
        Field(
            "tie_projs",
            "tie_projections",
            ties,
            lambda tied, arguments: [False] + [tied] * len(arguments["cutoffs"]),
        ),
        Field(
            "pre_lnorm",
            "norm",
            lambda pre, config: "pre" if pre else "post",
            lambda placement, arguments: placement == "pre",
        ),
        Field("dropout", "dropout"),
        Field("dropatt", "attention_dropout"),
        Field("layer_norm_epsilon", "epsilon"),
        Field("pad_token_id", "pad_id"),
    ),
    architectures={
        "TransfoXLLMHeadModel": ("lm",),
        "TransfoXLForSequenceClassification": ("sequence_classification",),
        "TransfoXLModel": (),
    },
    bodies={None: "transformer.", "TransfoXLModel": ""},
    rules=[
        Rule("stack.embeddings.table.tables.{n}", "{body}word_emb.emb_layers.{n}.weight"),
        Rule(
            "stack.embeddings.table.projections.{n}", "{body}word_emb.emb_projs.{n}", transpose=True
        ),
        *[
            Rule(
                f"{ATTENTION}.{projection}.kernel",
                f"{THEIR_ATTENTION}.qkv_net.weight",
                transpose=True,
                part=(index, 3),
                axis=0,
            )
            for index, projection in enumerate(("query", "key", "value"))
        ],
        Rule(f"{ATTENTION}.scorer.position", f"{THEIR_ATTENTION}.r_net.weight", transpose=True),
        Rule(f"{ATTENTION}.scorer.content_bias", f"{THEIR_ATTENTION}.r_w_bias"),
        Rule(f"{ATTENTION}.scorer.position_bias", f"{THEIR_ATTENTION}.r_r_bias"),
        *dense(f"{ATTENTION}.output_projection", f"{THEIR_ATTENTION}.o_net", bias=False),
        *norm(f"{LAYER}.attention_residual.norm", f"{THEIR_ATTENTION}.layer_norm"),
        *dense(f"{LAYER}.feed_forward.inner", f"{THEIR_LAYER}.pos_ff.CoreNet.0"),
        *dense(f"{LAYER}.feed_forward.outer", f"{THEIR_LAYER}.pos_ff.CoreNet.3"),
        *norm(f"{LAYER}.feed_forward_residual.norm", f"{THEIR_LAYER}.pos_ff.layer_norm"),
        Rule("heads.lm.biases.{n}", "crit.out_layers.{n}.bias"),
        Rule("heads.lm.projections.{n}", "crit.out_projs.{n}"),
        Rule("heads.lm.cluster_table", "crit.cluster_weight"),
        Rule("heads.lm.cluster_bias", "crit.cluster_bias"),
        *dense("heads.sequence_classification.projection", "score", bias=False),
    ],
    labelled=("sequence_classification",),
    fixed={
        "adaptive": True,
        "untie_r": True,
        "attn_type": 0,
        "sample_softmax": -1,
        "tie_word_embeddings": True,
    },
    # Initial weights, and lengths of segments and of memory that a caller chooses.
    unused=words("""
        ext_len init init_range proj_init_std proj_share_all_but_first tgt_len tie_weight
        """),
    synonyms={
        "hidden_size": "d_model",
        "n_token": "vocab_size",
        "num_attention_heads": "n_head",
        "num_hidden_layers": "n_layer",
    },
    defaults={
        "vocab_size": 267735,
        "n_layer": 18,
        "d_model": 1024,
        "n_head": 16,
        "d_head": 64,
        "d_inner": 4096,
        "mem_len": 1600,
        "same_length": True,
        "clamp_len": 1000,
        "cutoffs": [20000, 40000, 200000],
        "d_embed": 1024,
        "div_val": 4,
        "tie_projs": None,
        "proj_share_all_but_first": True,
        "pre_lnorm": False,
        "dropout": 0.1,
        "dropatt": 0.0,
        "layer_norm_epsilon": 1e-5,
        "pad_token_id": None,
        "eos_token_id": 0,
    },
    constants={"activation": lambda config: ("relu",), "mask": lambda config: (None,)},
    derived={"{body}pos_emb.inv_freq": frequencies},
    # Sinusoids, and what equals the embedding.
    ignored=(r"pos_emb\.inv_freq$", r"^crit\.out_layers\.\d+\.weight$", r"^crit\.out_projs\.\d+$"),
)
