"""Entries of config.json that all families have: what transformers' `PretrainedConfig` holds."""

from typing import Any


def words(text: str) -> frozenset[str]:
    """Returns the words of a text."""
    return frozenset(text.split())


# Our own: the heads of a model whose architecture and tensors do not tell them. transformers keeps
# the entry and pays no attention to it.
HEADS = "tftransformer_heads"
# Ours, too: which token XLNet's classifiers read. transformers reads the last column, which is the
# last token where rows are padded on the left, as XLNet's tokenizer does it.
SUMMARY_COLUMN = "tftransformer_summary_column"
# And what a task has learnt beside the model, by the names of tasks: see `Task.save_pretrained`.
LEARNT = "tftransformer_learnt"
# What describes the file itself and is written anew.
VERSIONS = {
    "_name_or_path",
    "architectures",
    "dtype",
    "torch_dtype",
    "transformers_version",
    HEADS,
}
# Labels, which heads take as arguments.
LABELS = {"id2label", "label2id", "num_labels"}
# What would make another model than the one that is built: supported with one value alone.
FIXED: dict[str, Any] = {
    "add_cross_attention": False,
    "cross_attention_hidden_size": None,
    "is_decoder": False,
    "is_encoder_decoder": False,
    "pruned_heads": {},
    "quantization_config": None,
    "tie_encoder_decoder": False,
}
# How texts are generated, which generation_config.json says, too.
GENERATION = words("""
    bos_token_id decoder_start_token_id eos_token_id pad_token_id
    bad_words_ids begin_suppress_tokens diversity_penalty do_sample early_stopping
    encoder_no_repeat_ngram_size exponential_decay_length_penalty forced_bos_token_id
    forced_eos_token_id length_penalty max_length min_length no_repeat_ngram_size num_beam_groups
    num_beams num_return_sequences remove_invalid_values repetition_penalty suppress_tokens
    temperature top_k top_p typical_p
    """)
# What generation_config.json alone says.
SAID_THERE = words("""
    epsilon_cutoff eta_cutoff max_new_tokens min_new_tokens min_p penalty_alpha renormalize_logits
    """)
# Two ways to count tokens, of which the first one counts before the second.
COUNTED = ("max_new_tokens", "max_length"), ("min_new_tokens", "min_length")
# What changes neither outputs nor training here: settings of transformers' generation, ids of
# special tokens, which stay with the model for who asks for them, initial weights, which a folder
# brings, and how transformers computes and returns what it computes.
UNUSED = (
    words("""
    auto_map attn_implementation chunk_size_feed_forward finetuning_task gradient_checkpointing
    initializer_factor initializer_range init_std language model_type name_or_path
    output_attentions output_hidden_states output_past problem_type return_dict torchscript
    use_bfloat16 use_cache use_return_dict tf_legacy_loss
    cls_token_id mask_token_id sep_token_id unk_token_id prefix tokenizer_class
    task_specific_params output_scores return_dict_in_generate
    """)
    | GENERATION
    | {LEARNT}
)
