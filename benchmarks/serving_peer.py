"""A served model in a process of its own: one of those that serving.py compares.

    python serving_peer.py KIND FOLDER BEAMS NEW_TOKENS

Says when its libraries are imported and when the model is loaded, and then answers each line of
texts with a line of translations. A card serves, if there is one. It imports what serves the one
kind of model and nothing else.
"""

import json
import os
import sys


def main():
    answers = os.fdopen(os.dup(1), "w")  # what libraries print must not pass for an answer
    os.dup2(2, 1)

    def answer(what):
        print(json.dumps(what), file=answers, flush=True)

    kind, folder, beams, new_tokens = sys.argv[1:]
    load = KINDS[kind]()
    answer("imported")
    translate = load(folder, int(beams), int(new_tokens))
    answer("loaded")
    for line in sys.stdin:
        answer(translate(json.loads(line)))


def saved_model():
    """The SavedModel, which knows beams and length itself."""
    import tensorflow as tf
    import tensorflow_text  # noqa: F401

    def load(folder, beams, new_tokens):
        served = tf.saved_model.load(folder).signatures["serving_default"]

        def translate(texts):
            translations = served(texts=tf.constant(texts))["translations"].numpy()
            return [text.decode() for text in translations]

        return translate

    return load


def parts():
    """The SavedModel, whose parts of a batch have a thread each."""
    os.environ["TF_NUM_INTRAOP_THREADS"] = "1"
    os.environ["TF_NUM_INTEROP_THREADS"] = str(os.cpu_count())
    return saved_model()


def ctranslate2(compute_type, parts=1):
    """CTranslate2 in a precision, with as many threads as there are cores.

    Args:
        compute_type: the precision.
        parts: parts of a batch that are translated at the same time.
    """
    import ctranslate2
    import sentencepiece

    def load(folder, beams, new_tokens):
        model = ctranslate2.Translator(
            folder,
            device="auto",
            compute_type=compute_type,
            inter_threads=parts,
            intra_threads=os.cpu_count() // parts,
        )
        tokenizer = sentencepiece.SentencePieceProcessor(
            model_file=f"{folder}/source_tokenizer/sentencepiece.model"
        )

        def translate(texts):
            pieces = tokenizer.encode(texts, out_type=str)
            found = model.translate_batch(
                pieces,
                beam_size=beams,
                max_decoding_length=new_tokens,
                max_input_length=0,
                max_batch_size=-(-len(pieces) // parts),
            )
            return tokenizer.decode([result.hypotheses[0] for result in found])

        return translate

    return load


def transformers():
    """Marian of `transformers` on PyTorch, with a tokenizer in its folder."""
    import sentencepiece
    import torch
    import transformers

    def load(folder, beams, new_tokens):
        device = "cuda" if torch.cuda.is_available() else "cpu"
        model = transformers.MarianMTModel.from_pretrained(folder).eval().to(device)
        tokenizer = sentencepiece.SentencePieceProcessor(model_file=f"{folder}/sentencepiece.model")
        pad_id, end_id = tokenizer.pad_id(), tokenizer.eos_id()

        def translate(texts):
            rows = tokenizer.encode(texts, add_eos=True)
            longest = max(map(len, rows))
            ids = torch.tensor([row + [pad_id] * (longest - len(row)) for row in rows]).to(device)
            with torch.inference_mode():
                found = model.generate(
                    input_ids=ids,
                    attention_mask=(ids != pad_id).long(),
                    num_beams=beams,
                    do_sample=False,
                    max_new_tokens=new_tokens,
                    eos_token_id=end_id,
                )
            return tokenizer.decode(found.tolist())

        return translate

    return load


KINDS = {
    "saved_model-float32": saved_model,
    "saved_model-int8": saved_model,
    "saved_model-bfloat16": saved_model,
    "parts-float32": parts,
    "parts-bfloat16": parts,
    "compiled-float32": saved_model,
    "compiled-bfloat16": saved_model,
    "compiled-int8": saved_model,
    "ctranslate2-float32": lambda: ctranslate2("float32"),
    "ctranslate2-bfloat16": lambda: ctranslate2("bfloat16"),
    "ctranslate2-int8": lambda: ctranslate2("int8"),
    "ctranslate2_parts-int8": lambda: ctranslate2("int8", parts=os.cpu_count()),
    "transformers-float32": transformers,
}

if __name__ == "__main__":
    main()
