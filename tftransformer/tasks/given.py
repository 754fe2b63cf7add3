"""What a person gives a task: models, tokenizers, and heads that they lack."""

import os
from typing import Any

from tftransformer.core import require
from tftransformer.models.headed_model import HeadedModel
from tftransformer.objectives import Classes, Numbers
from tftransformer.text import SentencePieceTokenizer
from tftransformer.text.learning import check_corpus, learn_pieces

KINDS = ("single", "several", "numbers")


def objective_of(labels: str, output: str | None, **single: Any) -> Classes | Numbers:
    """What is learnt of labels of one of the `KINDS`.

    Args:
        labels: the kind.
        output: the name of the model's output, or None.
        **single: what `Classes` takes for single labels alone.
    """
    require(labels in KINDS, "labels", labels, f"one of {', '.join(KINDS)}")
    if labels == "numbers":
        return Numbers(output=output)
    several = labels == "several"
    return Classes(several, output=output, **({} if several else single))


def given_model(model: Any) -> Any:
    """Returns the model that was given, be it as a folder, or None."""
    if not isinstance(model, str | os.PathLike):
        return model
    from tftransformer.pretrained import from_pretrained

    return from_pretrained(model)


def given_tokenizer(task: Any) -> dict[str, Any]:
    """What a `DataProcess` is told of the tokenizer of a task.

    Raises:
        ValueError: if a model was given without its tokenizer.
    """
    tokenizer = task.tokenizer
    if hasattr(tokenizer, "special_ids"):
        return {"tokenizer": tokenizer}
    if task.model is not None:
        raise ValueError(
            f"tokenizer={tokenizer!r}: a model needs the tokenizer that it was trained with."
        )
    return {"tokenizer": tokenizer or learn_unigram, "vocab_size": task.vocab_size}


def learn_unigram(texts: list[str], vocab_size: int) -> SentencePieceTokenizer:
    """Learns a tokenizer for thousands of rows rather than millions.

    Letters count without case, there are no more pieces than the texts yield, and training cuts
    the texts anew in each epoch, so that words share what their parts mean: from 6,000 sentences,
    two points of accuracy (Kudo 2018).
    """
    model = learn_pieces(
        check_corpus(texts),
        vocab_size,
        kind="unigram",
        byte_fallback=False,
        normalization="nmt_nfkc_cf",
        character_coverage=1.0,
        hard_vocab_limit=False,
    )
    return SentencePieceTokenizer(model, 0.2)


def positions_of(model: Any) -> int | None:
    """How many tokens a model knows positions for, or None where there is no limit."""
    embeddings = getattr(getattr(model, "stack", None), "embeddings", None)
    of_stack = getattr(getattr(embeddings, "position", None), "num_positions", None)
    return getattr(model, "num_positions", of_stack)


def own_copy(model: Any, head: str, labels: int) -> Any:
    """Returns a copy to train, so that what a person gave stays as it is.

    Args:
        model: a `HeadedModel`, whose copy has this head alone, new unless the model has one of
            that size; or another Keras model, which is taken as it is.
        head: the name of the head.
        labels: how many.
    """
    config = model.get_config()
    if isinstance(model, HeadedModel):
        own: Any = model.heads.get(head)
        fits = own is not None and own.labels in (labels, [str(i) for i in range(labels)])
        config = {**config, "heads": {head: {"labels": own.labels if fits else labels}}}
    copy = type(model).from_config(config)
    if not isinstance(model, HeadedModel):
        copy.set_weights(model.get_weights())
        return copy
    known = {_inside(weight): weight for weight in model.weights}
    for weight in copy.weights:
        old = known.get(_inside(weight))
        if old is not None and tuple(old.shape) == tuple(weight.shape):
            weight.assign(old)
    return copy


def _inside(weight: Any) -> str:
    """The path of a weight within its model."""
    return weight.path.partition("/")[2]
