"""The tiny models of which `make_goldens` writes folders."""

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
