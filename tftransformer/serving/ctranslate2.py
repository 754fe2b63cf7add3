"""Writes folders that CTranslate2 serves."""

import importlib.util
import os
import pathlib
from typing import Any

import keras
import numpy as np
from keras import ops

from tftransformer.core import gelu_tanh, making_folder
from tftransformer.layers import FeedForward, MultiHeadAttention
from tftransformer.layers.scorers import DotProductScorer
from tftransformer.masks import CausalMask, PaddingMask
from tftransformer.models import Transformer

# Ours → CTranslate2's name.
ACTIVATIONS = {
    keras.activations.relu: "RELU",
    keras.activations.gelu: "GELU",
    gelu_tanh: "GELUTanh",
    keras.activations.silu: "SWISH",
    keras.activations.tanh: "Tanh",
    keras.activations.sigmoid: "Sigmoid",
}
# CTranslate2 looks sinusoids up, too; by default it cuts sources at 1024 tokens.
SINUSOIDS = 2048


def write_ctranslate2(
    model: Transformer,
    source_tokenizer: Any,
    target_tokenizer: Any,
    path: str | os.PathLike,
    weights: str = "float32",
    *,
    card: str | None = None,
) -> pathlib.Path:
    """Writes a `Transformer` and its tokenizers as a folder that `ctranslate2.Translator` loads.

    Besides the files for CTranslate2 there are the folders `source_tokenizer` and
    `target_tokenizer`, as `Tokenizer.save` writes them, each with its SentencePiece model, since
    CTranslate2 takes pieces. It adds the end token to the source itself. Its
    `translate_batch(pieces, beam_size=4, length_penalty=alpha, min_decoding_length=0,
    return_end_token=True)` finds what `BeamSearch(4, PowerLengthPenalty(alpha),
    early_stopping=True)` finds, with the same scores, and with `beam_size=1, length_penalty=0` what
    `Greedy()` finds.

    Args:
        model: the model.
        source_tokenizer: tokenizer of its source.
        target_tokenizer: tokenizer of its target.
        path: folder to make.
        weights: their type on disk, such as "float32" or "int8". CTranslate2 computes in that type;
            `ctranslate2.Translator(path, compute_type="int8")` rounds as it loads.
        card: the text of its README.md, if it gets one.

    Returns:
        The path.

    Raises:
        ImportError: if CTranslate2 is not installed, or for "bfloat16" PyTorch is not.
        ValueError: if CTranslate2 cannot run the model.
        FileExistsError: if there is something at `path` already; it is left alone.
    """
    try:
        from ctranslate2 import specs
    except ImportError:
        raise ImportError(
            "ctranslate2 is not installed, and it writes its own format: pip install ctranslate2"
        ) from None
    if weights == "bfloat16" and importlib.util.find_spec("torch") is None:
        raise ImportError(
            'ctranslate2 makes weights="bfloat16" with PyTorch, which is not installed: '
            'pip install torch, or take weights="float32" or "int8".'
        )
    check_supported(model)
    layer = model.decoder.layers[0]
    options = {
        "pre_norm": layer.norm == "pre",
        "no_final_norm": model.decoder.final_norm is None,
        "activation": specs.Activation[ACTIVATIONS[layer.feed_forward.activation]],
        "ffn_glu": layer.feed_forward.gate is not None,
        "rms_norm": layer.normalization == "rms",
    }
    encoder, decoder = (
        make(len(stack.layers), stack.num_heads, **options)
        for make, stack in (
            (specs.TransformerEncoderSpec, model.encoder),
            (specs.TransformerDecoderSpec, model.decoder),
        )
    )
    fill_stack(encoder, encoder.embeddings[0], model.encoder)
    fill_stack(decoder, decoder.embeddings, model.decoder)
    head = model.head
    decoder.projection.weight = array(head.table())
    if head.bias is not None:
        decoder.projection.bias = array(head.bias)

    spec = specs.TransformerSpec(encoder, decoder)
    spec.register_source_vocabulary(vocabulary(source_tokenizer, model.source_vocab_size))
    spec.register_target_vocabulary(vocabulary(target_tokenizer, model.target_vocab_size))
    spec.config.add_source_eos = True
    spec.config.layer_norm_epsilon = layer.epsilon
    spec.validate()
    spec.optimize(weights)  # one copy of each tied table, too
    with making_folder(path) as beside:
        spec.save(str(beside))
        source_tokenizer.save(beside / "source_tokenizer")
        target_tokenizer.save(beside / "target_tokenizer")
        if card is not None:
            (beside / "README.md").write_text(card, encoding="utf-8")
    return pathlib.Path(path)


def check_supported(model: Any) -> None:
    """Raises a ValueError that names the parts of a model that CTranslate2 cannot run."""
    if type(model) is not Transformer:
        raise ValueError(f"CTranslate2 gets a Transformer from here, not a {type(model).__name__}.")
    masks = {
        "encoder_mask": (model.encoder.mask, PaddingMask()),
        # No target token is padding while it is decoded.
        "decoder_mask": (model.decoder.mask, CausalMask() & PaddingMask(), CausalMask()),
        "cross_mask": (model.decoder.cross_mask, PaddingMask()),
    }
    found = [f"{name}={given!r}" for name, (given, *fit) in masks.items() if given not in fit]
    kinds = set()
    for stack in (model.encoder, model.decoder):
        if stack.position_bias is not None:
            found.append(f"position_bias={stack.position_bias!r}")
        if stack.zero_padding:
            found.append("zero_padding=True")
        if (stack.final_norm is not None) and stack.layers[-1].norm == "post":
            found.append('final_norm=True and norm="post"')
        for layer in stack.layers:
            attentions = [layer.attention, getattr(layer, "cross_attention", None)]
            for attention in filter(None, attentions):
                found += misfits(attention, stack)
            net = layer.feed_forward
            if type(net) is not FeedForward:
                found.append(f"feed_forward={net!r}")
            elif net.activation not in ACTIVATIONS:
                found.append(f"activation={keras.activations.serialize(net.activation)!r}")
            else:
                gated = net.gate is not None
                kinds.add((layer.norm, layer.normalization, layer.epsilon, net.activation, gated))
    if len(kinds) > 1:
        found.append("layers that differ in norm, epsilon, activation or gate")
    if found:
        raise ValueError(
            f"CTranslate2 cannot run a model with {'; '.join(dict.fromkeys(found))}. Export it "
            'with format="saved_model".'
        )


def misfits(attention: keras.layers.Layer, stack: Any) -> list[str]:
    """Names the properties of an attention layer that CTranslate2 cannot run."""
    if type(attention) is not MultiHeadAttention:
        return [f"attention={attention!r}"]
    found = []
    if attention.rotary is not None:
        found.append(f"rotary={attention.rotary!r}")
    if type(attention.scorer) is not DotProductScorer or attention.scorer.scale is not None:
        found.append(f"scorer={attention.scorer!r}")
    heads, width = attention.num_heads, attention.head_width
    if heads != stack.num_heads or heads * width != stack.d_model:
        found.append(f"{heads} heads of width {width} in a stack of {stack.num_heads}")
    return found


def fill_stack(spec: Any, embeddings: Any, stack: Any) -> None:
    """Hands the weights of one stack to its specification."""
    embeddings.weight = array(stack.embeddings.table.embeddings)
    spec.scale_embeddings = float(stack.embeddings.factor)
    spec.position_encodings.encodings = encodings(stack.embeddings.position)
    if stack.final_norm is not None:
        fill_norm(spec.layer_norm, stack.final_norm)
    for to, layer in zip(spec.layer, stack.layers, strict=True):
        own, net = layer.attention, layer.feed_forward
        fill_linear(to.self_attention.linear[0], own.query, own.key, own.value)
        fill_linear(to.self_attention.linear[1], own.output_projection)
        fill_norm(to.self_attention.layer_norm, layer.attention_residual.norm)
        if hasattr(to, "attention"):
            cross = layer.cross_attention
            fill_linear(to.attention.linear[0], cross.query)
            fill_linear(to.attention.linear[1], cross.key, cross.value)
            fill_linear(to.attention.linear[2], cross.output_projection)
            fill_norm(to.attention.layer_norm, layer.cross_attention_residual.norm)
        fill_linear(to.ffn.linear_0, net.inner)
        fill_linear(to.ffn.linear_1, net.outer)
        if net.gate is not None:
            fill_linear(to.ffn.linear_0_noact, net.gate)
        fill_norm(to.ffn.layer_norm, layer.feed_forward_residual.norm)


def fill_linear(spec: Any, *layers: keras.layers.Dense) -> None:
    """Hands dense layers over as one, side by side."""
    spec.weight = np.concatenate([array(layer.kernel).T for layer in layers])
    if layers[0].use_bias:
        spec.bias = np.concatenate([array(layer.bias) for layer in layers])


def fill_norm(spec: Any, norm: keras.layers.Layer) -> None:
    """Hands a norm over."""
    if hasattr(spec, "beta"):
        spec.gamma, spec.beta = array(norm.gamma), array(norm.beta)
    else:
        spec.gamma = array(norm.scale)


def encodings(position: keras.layers.Layer) -> np.ndarray:
    """The vectors of positions 0, 1, 2, …, float32 (positions, d_model)."""
    return array(position(np.arange(getattr(position, "num_positions", SINUSOIDS))))


def array(tensor: Any) -> np.ndarray:
    """A tensor as a float32 array."""
    return ops.convert_to_numpy(tensor).astype("float32")


def vocabulary(tokenizer: Any, size: int) -> list[str]:
    """The pieces in order of their ids, the special ones under the names CTranslate2 knows."""
    pieces = tokenizer.tokens(range(tokenizer.vocab_size))
    for role, name in (("unk", "<unk>"), ("start", "<s>"), ("end", "</s>")):
        if role in tokenizer.special_ids:
            pieces[tokenizer.special_ids[role]] = name
    return [*pieces, *(f"<unused {i}>" for i in range(len(pieces), size))]
