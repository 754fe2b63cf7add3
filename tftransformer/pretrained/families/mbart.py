"""mBART's files: BART's, with norms before the sublayers and after each stack."""

from dataclasses import replace

from tftransformer.models import MBart
from tftransformer.pretrained.families.bart import BART
from tftransformer.pretrained.rules import norm

NAMES = {name: name.replace("Bart", "MBart") for name in BART.architectures}
MBART = replace(
    BART,
    model_type="mbart",
    model=MBart,
    architectures={NAMES[name]: heads for name, heads in BART.architectures.items()},
    bodies={None: "model.", "MBartModel": ""},
    rules=[
        *BART.rules,
        *norm("encoder.final_norm", "{body}encoder.layer_norm"),
        *norm("decoder.final_norm", "{body}decoder.layer_norm"),
    ],
    expected={**BART.expected, "normalize_before": True, "add_final_layer_norm": True},
    defaults={
        **BART.defaults,
        "decoder_start_token_id": lambda config: config["bos_token_id"],
        "forced_bos_token_id": None,
    },
)
