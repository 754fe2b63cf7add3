"""The files of the first DeBERTa."""

from tftransformer.models import Deberta
from tftransformer.pretrained.families import deberta_v2
from tftransformer.pretrained.family import Family
from tftransformer.pretrained.rules import Rule

ATTENTION, THEIR_ATTENTION = deberta_v2.ATTENTION, deberta_v2.THEIR_ATTENTION
DEBERTA = Family(
    model_type="deberta",
    model=Deberta,
    fields=deberta_v2.FIELDS,
    defaults={
        **deberta_v2.DEFAULTS,
        "vocab_size": 50265,
        "num_hidden_layers": 12,
        "hidden_size": 768,
        "num_attention_heads": 12,
        "intermediate_size": 3072,
    },
    architectures={
        "DebertaForMaskedLM": ("masked_lm",),
        "DebertaForSequenceClassification": ("sequence_classification",),
        "DebertaForTokenClassification": ("token_classification",),
        "DebertaForQuestionAnswering": ("span",),
        "DebertaModel": (),
    },
    bodies={None: "deberta.", "DebertaModel": ""},
    rules=[
        *deberta_v2.RULES,
        # Queries, keys and values of a head lie side by side.
        *[
            Rule(
                f"{ATTENTION}.{ours}.kernel",
                f"{THEIR_ATTENTION}.in_proj.weight",
                transpose=True,
                part=(index, 3),
                axis=0,
                groups=lambda model: model.num_heads,
            )
            for index, ours in enumerate(("query", "key", "value"))
        ],
        Rule(f"{ATTENTION}.query.bias", f"{THEIR_ATTENTION}.q_bias"),
        Rule(f"{ATTENTION}.value.bias", f"{THEIR_ATTENTION}.v_bias"),
        *deberta_v2.of_distances("distance_key", "pos_proj", bias=False),
        *deberta_v2.of_distances("distance_query", "pos_q_proj"),
    ],
    head_fields={"sequence_classification": (deberta_v2.CLASSIFIER,)},
    expected={"talking_head": False},
    implied=deberta_v2.IMPLIED,
    constants=deberta_v2.CONSTANTS,
    tied=deberta_v2.TIED,
    ignored=deberta_v2.IGNORED,
    aliases=deberta_v2.ALIASES,
)
