"""T5's files, of the whole model and of its encoder alone."""

from collections.abc import Mapping
from typing import Any

from tftransformer.masks import CausalMask, PaddingMask
from tftransformer.models import T5, T5Encoder
from tftransformer.models.transformer import both
from tftransformer.pretrained.family import Family
from tftransformer.pretrained.fields import Config, Field
from tftransformer.pretrained.rules import Rule, dense, table

# Of the feed-forward net: activation and whether it is gated.
NETS = {
    "relu": ("relu", False),
    "gelu": ("gelu", False),
    "gelu_new": ("gelu_tanh", False),
    "silu": ("silu", False),
    "gated-relu": ("relu", True),
    "gated-gelu": ("gelu_tanh", True),
    "gated-silu": ("silu", True),
}


def net(name: str) -> tuple[str, bool]:
    """The feed-forward net by its name in the config."""
    if name not in NETS:
        raise ValueError(f"feed_forward_proj is {name!r}, which is none of {sorted(NETS)}.")
    return NETS[name]


def act_name(name: str) -> str:
    """The activation alone, by its name in the config."""
    return "gelu_new" if name == "gated-gelu" else name.removeprefix("gated-")


def net_name(value: Any, arguments: Mapping[str, Any]) -> str:
    """Its name."""
    kind = (arguments["activation"], arguments["gated"])
    names = {ours: theirs for theirs, ours in NETS.items()}
    if kind not in names:
        raise ValueError(f"Hugging Face has no name for (activation, gated) = {kind}.")
    return names[kind]


def side(ours: str, theirs: str) -> list[Rule]:
    """Rules for one stack."""
    layer, block = f"{ours}.layers.{{n}}", f"{{body}}{theirs}.block.{{n}}.layer"
    attentions = {"attention": "SelfAttention"}
    if theirs == "decoder":
        attentions["cross_attention"] = "EncDecAttention"
    projections = {"query": "q", "key": "k", "value": "v", "output_projection": "o"}
    last = len(attentions)
    inside = f"{block}.{last}.DenseReluDense"
    return [
        Rule(
            f"{ours}.position_bias.table",
            f"{{body}}{theirs}.block.0.layer.0.SelfAttention.relative_attention_bias.weight",
        ),
        *[
            rule
            for number, (attention, name) in enumerate(attentions.items())
            for rule in (
                Rule(
                    f"{layer}.{attention}_residual.norm.scale",
                    f"{block}.{number}.layer_norm.weight",
                ),
                *[
                    Rule(
                        f"{layer}.{attention}.{projection}.kernel",
                        f"{block}.{number}.{name}.{letter}.weight",
                        transpose=True,
                    )
                    for projection, letter in projections.items()
                ],
            )
        ],
        Rule(f"{layer}.feed_forward_residual.norm.scale", f"{block}.{last}.layer_norm.weight"),
        Rule(f"{layer}.feed_forward.outer.kernel", f"{inside}.wo.weight", transpose=True),
        # The inner projection has another name where a second one gates it.
        Rule(
            f"{layer}.feed_forward.inner.kernel",
            f"{inside}.wi.weight",
            transpose=True,
            when=lambda model: not model.gated,
        ),
        Rule(
            f"{layer}.feed_forward.inner.kernel",
            f"{inside}.wi_0.weight",
            transpose=True,
            when=lambda model: model.gated,
        ),
        Rule(f"{layer}.feed_forward.gate.kernel", f"{inside}.wi_1.weight", transpose=True),
        Rule(f"{ours}.final_norm.scale", f"{{body}}{theirs}.final_layer_norm.weight"),
    ]


FIELDS = (
    Field("vocab_size", "vocab_size"),
    Field("d_model", "d_model"),
    Field("num_heads", "num_heads"),
    Field("d_ff", "dff"),
    Field("d_kv", "head_width"),
    Field("relative_attention_num_buckets", "num_buckets"),
    Field("relative_attention_max_distance", "max_distance"),
    Field("feed_forward_proj", "activation", lambda name, config: net(name)[0], net_name),
    Field("feed_forward_proj", "gated", lambda name, config: net(name)[1], net_name),
    Field("dropout_rate", "dropout"),
    Field("classifier_dropout", "classifier_dropout"),
    Field("layer_norm_epsilon", "epsilon"),
    Field("pad_token_id", "pad_id"),
)
# The small model.
DEFAULTS = {
    "vocab_size": 32128,
    "d_model": 512,
    "num_layers": 6,
    "num_heads": 8,
    "d_ff": 2048,
    "d_kv": 64,
    "relative_attention_num_buckets": 32,
    "relative_attention_max_distance": 128,
    "feed_forward_proj": "relu",
    "dropout_rate": 0.1,
    "classifier_dropout": 0.0,
    "layer_norm_epsilon": 1e-6,
    "pad_token_id": 0,
}
SYNONYMS = {
    "hidden_size": "d_model",
    "num_attention_heads": "num_heads",
    "num_hidden_layers": "num_layers",
    "head_dim": "d_kv",
}
IMPLIED = {
    "dense_act_fn": lambda config: act_name(config["feed_forward_proj"]),
    "is_gated_act": lambda config: net(config["feed_forward_proj"])[1],
}
# T5 counts distances, however far.
UNUSED = frozenset({"n_positions"})
# Tables that are the shared one, and a bias that the first files held and nobody used.
TIED = {
    f"{{body}}{theirs}.embed_tokens.weight": "{body}shared.weight"
    for theirs in ("encoder", "decoder")
}
IGNORED = (r"decoder\.block\.0\.layer\.1\.EncDecAttention\.relative_attention_bias\.weight$",)


def tied(value: bool, config: Config) -> bool:
    """Whether the head is the table of the tokens, which also scales what the decoder computes.

    Of old, one entry says both. transformers 5 calls every head tied, also beside a file that
    holds one of its own, and says by the second whether it scales.
    """
    return config["tie_word_embeddings"] and config["scale_decoder_outputs"]


def depths(config: Config) -> tuple[int, int]:
    """The layers of encoder and decoder."""
    return config["num_layers"], config.get("num_decoder_layers") or config["num_layers"]


T5_WHOLE = Family(
    model_type="t5",
    model=T5,
    fields=(
        *FIELDS,
        Field(
            "num_layers",
            "num_layers",
            lambda number, config: depths(config),
            lambda number, arguments: both(number)[0],
        ),
        Field(
            "num_decoder_layers",
            "num_layers",
            lambda number, config: depths(config),
            lambda number, arguments: both(number)[1],
        ),
        Field("tie_word_embeddings", "tied", tied),
        Field("scale_decoder_outputs", "tied", tied),
        Field("decoder_start_token_id", "start_id", lambda token, config: token or 0),
        Field("eos_token_id", "end_id"),
    ),
    architectures={
        "T5ForConditionalGeneration": ("lm",),
        "T5ForSequenceClassification": ("sequence_classification",),
        "T5ForQuestionAnswering": ("span",),
        "T5Model": (),
    },
    bodies={None: "", "T5ForSequenceClassification": "transformer."},
    rules=[
        *table("encoder.embeddings.table", "{body}shared"),
        *side("encoder", "encoder"),
        *side("decoder", "decoder"),
        Rule("heads.lm.kernel", "lm_head.weight"),
        *dense("heads.sequence_classification.pooler.projection", "classification_head.dense"),
        *dense("heads.sequence_classification.projection", "classification_head.out_proj"),
        *dense("heads.span.projection", "qa_outputs"),
    ],
    fixed={"is_encoder_decoder": True},
    implied=IMPLIED,
    unused=UNUSED,
    synonyms=SYNONYMS,
    constants={
        "encoder_mask": lambda config: (None, PaddingMask()),
        "decoder_mask": lambda config: (None, CausalMask() & PaddingMask()),
        "cross_mask": lambda config: (None, PaddingMask()),
    },
    defaults={
        **DEFAULTS,
        "num_decoder_layers": None,
        "tie_word_embeddings": True,
        "scale_decoder_outputs": lambda config: config["tie_word_embeddings"],
        "decoder_start_token_id": 0,
        "eos_token_id": 1,
    },
    tied={**TIED, "lm_head.weight": "{body}shared.weight"},
    ignored=IGNORED,
)
T5_ENCODER = Family(
    model_type="t5",
    model=T5Encoder,
    fields=(*FIELDS, Field("num_layers", "num_layers")),
    architectures={
        "T5ForTokenClassification": ("token_classification",),
        "T5EncoderModel": (),
    },
    bodies={None: "", "T5ForTokenClassification": "transformer."},
    rules=[
        *table("stack.embeddings.table", "{body}shared"),
        *side("stack", "encoder"),
        *dense("heads.token_classification.projection", "classifier"),
    ],
    implied=IMPLIED,
    # Entries of the whole model, of which transformers' encoder takes no notice either.
    unused=UNUSED
    | {"is_encoder_decoder", "num_decoder_layers", "scale_decoder_outputs", "tie_word_embeddings"},
    synonyms=SYNONYMS,
    constants={"mask": lambda config: (None, PaddingMask())},
    defaults=DEFAULTS,
    tied={"{body}encoder.embed_tokens.weight": "{body}shared.weight"},
    ignored=IGNORED,
)
