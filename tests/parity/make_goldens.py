"""Writes small golden folders with the reference implementation, for where no larger tree is.

Run it in an environment with torch and transformers 4.57:

    python tests/parity/make_goldens.py [FOLDER [PREFIX …]]

Each folder has the weights of a tiny random model, the inputs and outputs of a few calls, and
fixture.json, which says what was called. `FAMILIES` is the list to add to.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
import transformers

BATCH, LENGTH = 2, 7
CAUSAL = ("gpt2", "openai-gpt", "llama", "mistral", "qwen2", "qwen3", "gemma", "gemma2")
CAUSAL += ("gemma3_text", "phi", "gpt_neox")
# What is an argument `labels`.
# Outputs that have positions, and their axis.
ROWS = {"last_hidden_state": 1, "hidden_states": 1, "attentions": 2, "start_logits": 1}
ROWS |= {"end_logits": 1, "logits": 1}
LABELLED = ("labels", "token_labels", "row_labels", "choices", "replaced")
SMALL = {
    "vocab_size": 37,
    "hidden_size": 12,
    "num_hidden_layers": 2,
    "num_attention_heads": 3,
    "intermediate_size": 20,
    "max_position_embeddings": 16,
}
ROBERTA = {**SMALL, "type_vocab_size": 1, "layer_norm_eps": 1e-5}
LABELS = {"num_labels": 4}
DISTILBERT = {"vocab_size": 37, "dim": 12, "n_layers": 2, "n_heads": 3, "hidden_dim": 20}
DISTILBERT |= {"max_position_embeddings": 16}
ELECTRA = {**SMALL, "embedding_size": 8}
ALBERT = {**SMALL, "embedding_size": 8}
GROUPS = {"num_hidden_layers": 5, "num_hidden_groups": 2, "inner_group_num": 2}
GPT = {"vocab_size": 37, "n_embd": 12, "n_layer": 2, "n_head": 3, "n_positions": 24}
GPT |= {"pad_token_id": 0, "eos_token_id": 1}
T5 = {"vocab_size": 37, "d_model": 12, "d_kv": 5, "num_heads": 3, "d_ff": 20, "num_layers": 2}
T5 |= {"relative_attention_num_buckets": 8, "relative_attention_max_distance": 6}
T5 |= {"decoder_start_token_id": 0}
T5_1_1 = {**T5, "num_decoder_layers": 1, "tie_word_embeddings": False}
XLM = {"vocab_size": 37, "emb_dim": 12, "n_layers": 2, "n_heads": 3, "n_langs": 3}
XLM |= {"max_position_embeddings": 16, "gelu_activation": False}
MARIAN = {"vocab_size": 37, "d_model": 12, "encoder_layers": 2, "decoder_layers": 1}
MARIAN |= {"encoder_attention_heads": 3, "decoder_attention_heads": 2, "encoder_ffn_dim": 20}
MARIAN |= {"decoder_ffn_dim": 16, "max_position_embeddings": 32, "pad_token_id": 36}
MARIAN |= {"decoder_start_token_id": 36, "eos_token_id": 0, "forced_eos_token_id": 0}
LLAMA = {**SMALL, "num_key_value_heads": 1, "num_attention_heads": 2, "head_dim": 4}
LLAMA |= {"pad_token_id": 0, "eos_token_id": 1, "max_position_embeddings": 24}
TURNED = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0}
TURNED |= {"high_freq_factor": 4.0, "original_max_position_embeddings": 40}
KINDS = ["sliding_attention", "full_attention"]
WINDOWS = {"layer_types": KINDS, "sliding_window": 6}
QWEN = {**LLAMA, **WINDOWS, "use_sliding_window": True}
PHI = {name: value for name, value in LLAMA.items() if name != "head_dim"}
GEMMA = {**LLAMA, "vocab_size": 41}
NEOX = {**SMALL, "num_attention_heads": 2, "pad_token_id": 0, "eos_token_id": 1, "rotary_pct": 0.4}
MODERN_BERT = {**SMALL, "num_hidden_layers": 3, "local_attention": 4, "pad_token_id": 0}
MODERN_BERT |= {"global_rope_theta": 900.0, "local_rope_theta": 30.0}
MODERN_BERT |= {"bos_token_id": 1, "eos_token_id": 2, "cls_token_id": 1, "sep_token_id": 2}
BIASES = ("attention_bias", "mlp_bias", "norm_bias", "classifier_bias")
BIASED = {**MODERN_BERT, **dict.fromkeys(BIASES, True), "global_attn_every_n_layers": 2}
DEBERTA = {**SMALL, "relative_attention": True, "pos_att_type": ["c2p", "p2c"]}
DEBERTA |= {"position_biased_input": False, "max_relative_positions": 4}
DEBERTA_3 = {**DEBERTA, "share_att_key": True, "norm_rel_ebd": "layer_norm", "position_buckets": 4}
DEBERTA_3 |= {"max_relative_positions": -1}
MBART = {**MARIAN, "vocab_size": 37, "pad_token_id": 1, "decoder_start_token_id": 30}
MBART |= {"eos_token_id": 2, "forced_eos_token_id": 2}
# Folder → class, its configuration, the case's further arguments.
FAMILIES = {
    "albert/pretraining": (
        "AlbertForPreTraining",
        {**ALBERT, "hidden_act": "relu"},
        ["labels", "sentence_order_label"],
    ),
    "albert/mlm_groups": ("AlbertForMaskedLM", {**ALBERT, **GROUPS}, ["labels"]),
    "albert/base_segments": (
        "AlbertModel",
        {**ALBERT, "embedding_size": 12, "num_hidden_groups": 2, "type_vocab_size": 3},
        [],
    ),
    "albert/seqcls": ("AlbertForSequenceClassification", {**ALBERT, **LABELS}, ["row_labels"]),
    "albert/tokcls": ("AlbertForTokenClassification", {**ALBERT, **LABELS}, ["token_labels"]),
    "albert/qa": ("AlbertForQuestionAnswering", ALBERT, ["start_positions", "end_positions"]),
    "albert/multichoice": ("AlbertForMultipleChoice", ALBERT, ["choices"]),
    "bert/pretraining": ("BertForPreTraining", SMALL, ["labels", "next_sentence_label"]),
    "bert/mlm_relu": ("BertForMaskedLM", {**SMALL, "hidden_act": "relu"}, ["labels"]),
    "bert/base_segments": ("BertModel", {**SMALL, "type_vocab_size": 5}, []),
    "bert/causal_lm": (
        "BertLMHeadModel",
        {**SMALL, "is_decoder": True, "hidden_act": "gelu_new"},
        ["labels"],
    ),
    "bert/seqcls": ("BertForSequenceClassification", {**SMALL, **LABELS}, ["row_labels"]),
    "bert/tokcls": ("BertForTokenClassification", {**SMALL, **LABELS}, ["token_labels"]),
    "bert/qa": ("BertForQuestionAnswering", SMALL, ["start_positions", "end_positions"]),
    "bert/multichoice": ("BertForMultipleChoice", SMALL, ["choices"]),
    "roberta/mlm": ("RobertaForMaskedLM", {**ROBERTA, "hidden_act": "silu"}, ["labels"]),
    "roberta/base_pad3": ("RobertaModel", {**ROBERTA, "pad_token_id": 3}, []),
    "roberta/causal_lm": ("RobertaForCausalLM", {**ROBERTA, "is_decoder": True}, ["labels"]),
    "roberta/seqcls": ("RobertaForSequenceClassification", {**ROBERTA, **LABELS}, ["row_labels"]),
    "roberta/multichoice": ("RobertaForMultipleChoice", ROBERTA, ["choices"]),
    "camembert/mlm": ("CamembertForMaskedLM", {**ROBERTA, "hidden_act": "relu"}, ["labels"]),
    "camembert/seqcls": (
        "CamembertForSequenceClassification",
        {**ROBERTA, **LABELS},
        ["row_labels"],
    ),
    "distilbert/mlm": ("DistilBertForMaskedLM", {**DISTILBERT, "activation": "relu"}, ["labels"]),
    "distilbert/mlm_untied": (
        "DistilBertForMaskedLM",
        {**DISTILBERT, "tie_word_embeddings": False},
        ["labels"],
    ),
    "distilbert/base_sines": ("DistilBertModel", {**DISTILBERT, "sinusoidal_pos_embds": True}, []),
    "distilbert/seqcls": (
        "DistilBertForSequenceClassification",
        {**DISTILBERT, **LABELS, "pad_token_id": 3},
        ["row_labels"],
    ),
    "distilbert/tokcls": (
        "DistilBertForTokenClassification",
        {**DISTILBERT, **LABELS},
        ["token_labels"],
    ),
    "distilbert/qa": (
        "DistilBertForQuestionAnswering",
        DISTILBERT,
        ["start_positions", "end_positions"],
    ),
    "distilbert/multichoice": ("DistilBertForMultipleChoice", DISTILBERT, ["choices"]),
    "electra/discriminator": (
        "ElectraForPreTraining",
        {**ELECTRA, "hidden_act": "relu"},
        ["replaced"],
    ),
    "electra/generator": ("ElectraForMaskedLM", {**ELECTRA, "hidden_act": "gelu_new"}, ["labels"]),
    "electra/causal_lm": (
        "ElectraForCausalLM",
        {**ELECTRA, "is_decoder": True, "embedding_size": 12, "tie_word_embeddings": False},
        ["labels"],
    ),
    "electra/base_segments": ("ElectraModel", {**ELECTRA, "type_vocab_size": 3}, []),
    "electra/seqcls": (
        "ElectraForSequenceClassification",
        {**ELECTRA, **LABELS, "embedding_size": 12, "hidden_act": "relu"},
        ["row_labels"],
    ),
    "electra/tokcls": (
        "ElectraForTokenClassification",
        {**ELECTRA, **LABELS, "embedding_size": 16},
        ["token_labels"],
    ),
    "electra/qa": ("ElectraForQuestionAnswering", ELECTRA, ["start_positions", "end_positions"]),
    "electra/multichoice": (
        "ElectraForMultipleChoice",
        {**ELECTRA, "summary_last_dropout": 0.3},
        ["choices"],
    ),
    "gpt/lm": ("OpenAIGPTLMHeadModel", {**GPT, "afn": "silu"}, ["labels", "generate"]),
    "gpt/doubleheads": ("OpenAIGPTDoubleHeadsModel", GPT, ["mc_labels"]),
    "gpt/seqcls": ("OpenAIGPTForSequenceClassification", {**GPT, **LABELS}, ["row_labels"]),
    "gpt/base": ("OpenAIGPTModel", {**GPT, "afn": "relu"}, []),
    "gpt2/lm": (
        "GPT2LMHeadModel",
        {**GPT, "n_inner": 20, "scale_attn_by_inverse_layer_idx": True},
        ["labels", "generate"],
    ),
    "gpt2/lm_unscaled": ("GPT2LMHeadModel", {**GPT, "scale_attn_weights": False}, ["labels"]),
    "gpt2/lm_untied": ("GPT2LMHeadModel", {**GPT, "tie_word_embeddings": False}, ["labels"]),
    "gpt2/doubleheads": ("GPT2DoubleHeadsModel", GPT, ["mc_labels"]),
    "gpt2/seqcls": ("GPT2ForSequenceClassification", {**GPT, **LABELS}, ["row_labels"]),
    "gpt2/tokcls": ("GPT2ForTokenClassification", {**GPT, **LABELS}, ["token_labels"]),
    "gpt2/qa": ("GPT2ForQuestionAnswering", GPT, ["start_positions", "end_positions"]),
    "gpt2/base": ("GPT2Model", {**GPT, "activation_function": "relu"}, []),
    "llama/lm": (
        "LlamaForCausalLM",
        {**LLAMA, "rope_scaling": TURNED, "attention_bias": True, "mlp_bias": True},
        ["labels", "generate"],
    ),
    "llama/lm_linear": (
        "LlamaForCausalLM",
        {**LLAMA, "rope_scaling": {"rope_type": "linear", "factor": 3.0}},
        ["labels"],
    ),
    "llama/seqcls": ("LlamaForSequenceClassification", {**LLAMA, **LABELS}, ["row_labels"]),
    "llama/tokcls": ("LlamaForTokenClassification", {**LLAMA, **LABELS}, ["token_labels"]),
    "llama/qa": ("LlamaForQuestionAnswering", LLAMA, ["start_positions", "end_positions"]),
    "mistral/lm": ("MistralForCausalLM", {**LLAMA, "sliding_window": 6}, ["labels", "generate"]),
    "mistral/qa": ("MistralForQuestionAnswering", LLAMA, ["start_positions", "end_positions"]),
    "qwen2/lm": ("Qwen2ForCausalLM", QWEN, ["labels", "generate"]),
    "qwen3/lm": ("Qwen3ForCausalLM", {**QWEN, "attention_bias": True}, ["labels", "generate"]),
    "gemma/lm": ("GemmaForCausalLM", GEMMA, ["labels", "generate"]),
    "gemma2/lm": (
        "Gemma2ForCausalLM",
        {**GEMMA, **WINDOWS, "query_pre_attn_scalar": 6, "attn_logit_softcapping": 2.0},
        ["labels", "generate"],
    ),
    "gemma3/lm": (
        "Gemma3ForCausalLM",
        {
            **GEMMA,
            **WINDOWS,
            "rope_theta": 900.0,
            "rope_local_base_freq": 30.0,
            "rope_scaling": {"rope_type": "linear", "factor": 2.0},
        },
        ["labels", "generate"],
    ),
    "phi/lm": (
        "PhiForCausalLM",
        {**PHI, "qk_layernorm": True, "partial_rotary_factor": 0.7},
        ["labels", "generate"],
    ),
    "gpt_neox/lm": ("GPTNeoXForCausalLM", NEOX, ["labels", "generate"]),
    "gpt_neox/tokcls": (
        "GPTNeoXForTokenClassification",
        {**NEOX, **LABELS, "use_parallel_residual": False, "attention_bias": False},
        ["token_labels"],
    ),
    "t5/v10": ("T5ForConditionalGeneration", T5, ["labels", "generate"]),
    "t5/v11": (
        "T5ForConditionalGeneration",
        {**T5_1_1, "feed_forward_proj": "gated-gelu"},
        ["labels", "generate"],
    ),
    "t5/silu": (
        "T5ForConditionalGeneration",
        {**T5, "feed_forward_proj": "gated-silu"},
        ["labels"],
    ),
    "t5/encoder": ("T5EncoderModel", {**T5, "feed_forward_proj": "gelu_new"}, []),
    "t5/seqcls": ("T5ForSequenceClassification", {**T5, **LABELS}, ["row_labels"]),
    "t5/tokcls": ("T5ForTokenClassification", {**T5, **LABELS}, ["token_labels"]),
    "t5/qa": ("T5ForQuestionAnswering", T5, ["start_positions", "end_positions"]),
    "xlm/lm": ("XLMWithLMHeadModel", XLM, ["langs", "labels"]),
    "xlm/lm_causal": (
        "XLMWithLMHeadModel",
        {**XLM, "causal": True, "sinusoidal_embeddings": True, "n_langs": 1},
        ["labels"],
    ),
    "xlm/lm_without_languages": ("XLMWithLMHeadModel", {**XLM, "use_lang_emb": False}, ["langs"]),
    "xlm/base": ("XLMModel", XLM, ["langs"]),
    "xlm/seqcls": ("XLMForSequenceClassification", {**XLM, **LABELS}, ["langs", "row_labels"]),
    "xlm/tokcls": ("XLMForTokenClassification", {**XLM, **LABELS}, ["token_labels"]),
    "xlm/multichoice": ("XLMForMultipleChoice", {**XLM, **LABELS}, ["choices"]),
    "xlm/qa_simple": (
        "XLMForQuestionAnsweringSimple",
        XLM,
        ["langs", "start_positions", "end_positions"],
    ),
    "xlm/qa_beam": (
        "XLMForQuestionAnswering",
        {**XLM, "start_n_top": 3, "end_n_top": 2},
        ["p_mask"],
    ),
    "xlm_roberta/tokcls": (
        "XLMRobertaForTokenClassification",
        {**ROBERTA, **LABELS, "pad_token_id": 3},
        ["token_labels"],
    ),
    "xlm_roberta/causal_lm": ("XLMRobertaForCausalLM", {**ROBERTA, "is_decoder": True}, ["labels"]),
    "marian/mt": (
        "MarianMTModel",
        {**MARIAN, "scale_embedding": True, "activation_function": "swish"},
        ["labels", "generate"],
    ),
    "marian/unscaled": ("MarianMTModel", {**MARIAN, "activation_function": "relu"}, ["labels"]),
    "modernbert/mlm": ("ModernBertForMaskedLM", MODERN_BERT, ["labels"]),
    "modernbert/mlm_biased": (
        "ModernBertForMaskedLM",
        {**BIASED, "decoder_bias": False, "hidden_activation": "silu"},
        ["labels"],
    ),
    "modernbert/seqcls_mean": (
        "ModernBertForSequenceClassification",
        {**MODERN_BERT, **LABELS, "classifier_pooling": "mean"},
        ["row_labels"],
    ),
    "modernbert/tokcls": (
        "ModernBertForTokenClassification",
        {**BIASED, **LABELS, "classifier_activation": "relu"},
        ["token_labels"],
    ),
    "modernbert/qa": (
        "ModernBertForQuestionAnswering",
        MODERN_BERT,
        ["start_positions", "end_positions"],
    ),
    "modernbert/multichoice": ("ModernBertForMultipleChoice", MODERN_BERT, ["choices"]),
    "deberta/mlm": ("DebertaForMaskedLM", DEBERTA, ["labels"]),
    "deberta/base_c2p": (
        "DebertaModel",
        {**DEBERTA, "pos_att_type": ["c2p"], "type_vocab_size": 2, "position_biased_input": True},
        [],
    ),
    "deberta/seqcls": ("DebertaForSequenceClassification", {**DEBERTA, **LABELS}, ["row_labels"]),
    "deberta_v2/mlm": ("DebertaV2ForMaskedLM", DEBERTA_3, ["labels"]),
    "deberta_v2/mlm_convolved": (
        "DebertaV2ForMaskedLM",
        {**DEBERTA_3, "conv_kernel_size": 3, "conv_act": "gelu", "type_vocab_size": 2},
        ["labels"],
    ),
    "deberta_v2/base_p2c": ("DebertaV2Model", {**DEBERTA, "pos_att_type": ["p2c"]}, []),
    "deberta_v2/base_absolute": (
        "DebertaV2Model",
        {**DEBERTA, "relative_attention": False, "position_biased_input": True},
        [],
    ),
    "deberta_v2/tokcls": (
        "DebertaV2ForTokenClassification",
        {**DEBERTA_3, **LABELS},
        ["token_labels"],
    ),
    "deberta_v2/qa": (
        "DebertaV2ForQuestionAnswering",
        DEBERTA_3,
        ["start_positions", "end_positions"],
    ),
    "deberta_v2/multichoice": ("DebertaV2ForMultipleChoice", DEBERTA_3, ["choices"]),
    "mbart/cg": ("MBartForConditionalGeneration", {**MBART, "scale_embedding": True}, ["labels"]),
    "mbart/seqcls": ("MBartForSequenceClassification", {**MBART, **LABELS}, ["row_labels"]),
    "mbart/qa": (
        "MBartForQuestionAnswering",
        {**MBART, "activation_function": "relu"},
        ["start_positions", "end_positions"],
    ),
    "mbart/base": ("MBartModel", MBART, []),
}


def make_inputs(config, further, side, random):
    """Ids with padding on one side, and labels as the class wants them."""
    has_choices = not {"choices", "mc_labels"}.isdisjoint(further)
    shape = (BATCH, 3, LENGTH) if has_choices else (BATCH, LENGTH)
    ids = random.integers(4, config.vocab_size - 1, shape)
    mask = np.ones(shape, "int64")
    hidden = slice(LENGTH - 2, None) if side == "right" else slice(None, 2)
    mask[0, ..., hidden] = 0
    if config.model_type in ("mbart", "t5"):  # whose classifier reads the one end token
        ids[np.arange(BATCH), mask.cumsum(-1).argmax(-1)] = config.eos_token_id
    inputs = {"input_ids": np.where(mask == 1, ids, config.pad_token_id), "attention_mask": mask}
    if getattr(config, "type_vocab_size", 1) > 1:
        inputs["token_type_ids"] = random.integers(0, config.type_vocab_size, shape)
    labels = {
        "labels": lambda: np.where(mask == 1, random.integers(0, config.vocab_size, shape), -100),
        "token_labels": lambda: np.where(mask == 1, random.integers(0, 4, shape), -100),
        "replaced": lambda: random.integers(0, 2, shape),
        "row_labels": lambda: random.integers(0, 4, BATCH),
        "p_mask": lambda: 1.0 - mask.astype("float32"),
        "langs": lambda: random.integers(0, config.n_langs, shape),
        "mc_labels": lambda: random.integers(0, 3, BATCH),
        "choices": lambda: random.integers(0, 3, BATCH),
    }
    if "mc_labels" in further:
        inputs["mc_token_ids"] = random.integers(2, LENGTH - 2, shape[:2])
        if config.model_type == "openai-gpt":
            inputs["attention_mask"] = mask.reshape(-1, LENGTH)
    for name in further:
        if name == "generate":
            continue
        made = labels.get(name, lambda: random.integers(0, 2, BATCH))()
        inputs["labels" if name in LABELLED else name] = made
    return inputs


def flat(output, config):
    """The arrays of an output by name; those in tuples by name and number."""
    arrays = {}
    for name, value in output.items():
        if isinstance(value, tuple):
            if name == "hidden_states" and config.model_type == "modernbert":
                value = value[:-1]  # versions differ in whether the last one is normed
            arrays |= {f"{name}.{n}": x.numpy() for n, x in enumerate(value) if torch.is_tensor(x)}
        elif torch.is_tensor(value):
            arrays[name] = value.numpy()
    return {name: array for name, array in arrays.items() if "past_key_values" not in name}


def run(call, given, **options):
    """Calls the reference with arrays."""
    with torch.no_grad():
        return call(**{key: torch.from_numpy(value) for key, value in given.items()}, **options)


def rank(computed, name):
    """The number of axes of an output, 0 where there is none."""
    arrays = [array for key, array in computed.items() if name in (key, key.rpartition(".")[0])]
    return arrays[0].ndim if arrays else 0


def write(path, name, settings, further):
    """Writes one folder."""
    torch.manual_seed(0)
    random = np.random.default_rng(0)
    kind = getattr(transformers, name)
    config = kind.config_class(**settings)
    model = kind._from_config(config, attn_implementation="eager").eval()
    with torch.no_grad():
        for parameter in model.parameters():  # norms and biases too are noise about their values
            if parameter.requires_grad:  # a table of sines is not in the file
                parameter += 0.2 * torch.randn_like(parameter)
    model.save_pretrained(path)
    cases, inputs, outputs = {}, {}, {}

    def add(case, call, given, options, computed, rows=()):
        inputs.update({f"{case}.{key}": value for key, value in given.items()})
        outputs.update({f"{case}.{key}": value for key, value in computed.items()})
        cases[case] = {
            "call": call,
            "inputs": sorted(given),
            "options": options,
            "outputs": {k: f"{v.dtype}{list(v.shape)}" for k, v in computed.items()},
            "rows": dict(rows),
        }

    causal = getattr(config, "is_decoder", False) or config.model_type in CAUSAL
    blind = config.model_type.startswith("deberta")  # padding sees nothing, on either side
    reads_first = blind and not {"row_labels", "choices"}.isdisjoint(further)
    # On the left mBART would take an inner token for the code of the language.
    is_mbart = config.model_type == "mbart"
    one_sided = (causal and "mc_labels" in further) or reads_first or is_mbart
    for side in ("right",) if one_sided else ("right", "left"):
        # On the left, padding that sees nothing would predict the first token: no loss there.
        asked = [] if causal and side == "left" else further
        case, given = f"{side}_pad", make_inputs(config, asked, side, random)
        options = {"output_hidden_states": True, "output_attentions": True}
        computed = flat(run(model, given, **options), config)
        if getattr(config, "inner_group_num", 1) > 1:  # versions differ in what they list
            computed = {k: v for k, v in computed.items() if not k.startswith("hidden_states")}
        rows = {}
        if blind or (causal and side == "left"):
            rows = {
                name: axis
                for name, axis in ROWS.items()
                if rank(computed, name) > axis + (name == "logits")
            }
            visible = given["attention_mask"].reshape(-1, LENGTH) == 1
            inputs |= {f"{case}.rows_{prefix}": visible for prefix in rows}
        add(case, "forward", given, {}, computed, rows)
    for beams in (1, 3) if "generate" in further else ():
        given = make_inputs(config, [], "right" if config.is_encoder_decoder else "left", random)
        if config.model_type == "openai-gpt":
            given = {"input_ids": given["input_ids"][1:]}  # it knows no padding here
        options = {"num_beams": beams}
        limit, fixed = {"max_new_tokens": 8}, {}
        if config.model_type == "marian":
            limit, fixed = {"max_length": 9}, {"bad_words_ids": [[config.pad_token_id]]}
        wanted = {"return_dict_in_generate": True, "output_scores": True, "do_sample": False}
        found = run(model.generate, given, **options, **limit, **fixed, **wanted)
        computed = {"sequences": found.sequences.numpy()}
        if beams > 1:
            computed["sequences_scores"] = found.sequences_scores.numpy()
        add(f"generate_{beams}", "generate", given, {**options, **limit}, computed)
    np.savez_compressed(path / "inputs.npz", **inputs)
    np.savez_compressed(path / "outputs.npz", **outputs)
    fixture = {
        "class": name,
        "transformers": transformers.__version__,
        "torch": torch.__version__,
        "tolerance": {"atol": 1e-4, "rtol": 1e-4},
        "cases": cases,
    }
    (path / "fixture.json").write_text(json.dumps(fixture, indent=1) + "\n")


if __name__ == "__main__":
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "goldens"
    for folder, (name, settings, further) in FAMILIES.items():
        if not any(folder.startswith(prefix) for prefix in sys.argv[2:] or [""]):
            continue
        (root / folder).mkdir(parents=True, exist_ok=True)
        write(root / folder, name, settings, further)
        print(folder)
