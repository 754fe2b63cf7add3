"""A task in a process of its own: one of those that tasks.py compares.

    python tasks_peer.py KIND-WEIGHTS TASK FOLDER

Says when it is ready, and then answers each line: `{"show": rows}` with the answers, `{"answer":
rows}` when they are there. It imports what the one kind needs and nothing else.
"""

import json
import os
import sys
from pathlib import Path


def main():
    answers = os.fdopen(os.dup(1), "w")  # what libraries print must not pass for an answer
    os.dup2(2, 1)

    def answer(what):
        print(json.dumps(what), file=answers, flush=True)

    name, task, folder = sys.argv[1:]
    kind, weights = name.split("-")
    run, plain = KINDS[kind](task, Path(folder), weights)
    answer("ready")
    for line in sys.stdin:
        ((what, rows),) = json.loads(line).items()
        found = run(rows)
        answer(plain(found) if what == "show" else len(found))


def this_package(task, folder, weights):
    """The object, as it answers a list."""
    import tftransformer as tt

    kinds = {
        "classify": tt.TextClassifier,
        "tag": tt.TokenClassifier,
        "answer": tt.QuestionAnswerer,
        "embed": tt.TextEmbedder,
    }
    made = kinds[task](str(folder / "model"))

    def run(rows):
        return made([tuple(row) if isinstance(row, list) else row for row in rows])

    return run, lambda found: [READ[task](row) for row in found]


def saved_model(task, folder, weights, kind="saved_model"):
    """The SavedModel under TensorFlow alone."""
    import tensorflow as tf
    import tensorflow_text  # noqa: F401

    served = tf.saved_model.load(str(folder / f"{kind}-{weights}")).signatures["serving_default"]

    def run(rows):
        if task == "answer":
            questions, contexts = zip(*rows, strict=True)
            found = served(questions=tf.constant(questions), contexts=tf.constant(contexts))
        else:
            found = served(texts=tf.constant(rows))
        found = {name: value.numpy() for name, value in found.items()}
        return SERVED[task](found)

    return run, lambda found: found


SERVED = {
    "classify": lambda found: [label.decode() for label in found["labels"]],
    "embed": lambda found: found["embeddings"].tolist(),
    "tag": lambda found: [
        [
            [group.decode(), start, end]
            for group, start, end in zip(*(column[:count] for column in row), strict=True)
        ]
        for count, *row in zip(
            *(found[name].tolist() for name in ("entities", "entity_group", "start", "end")),
            strict=True,
        )
    ],
    "answer": lambda found: [
        [start[0], end[0]]
        for start, end in zip(found["start"].tolist(), found["end"].tolist(), strict=True)
    ],
}


def transformers(task, folder, weights, forward=None):
    """A pipeline of `transformers`; for vectors its model and the mean of its states.

    Args:
        forward: takes the model's place: from its inputs as numpy arrays to its outputs.
    """
    import torch
    import transformers

    torch.set_num_threads(os.cpu_count())
    path, dtype = str(folder / "model"), getattr(torch, weights)
    tokenizer = transformers.AutoTokenizer.from_pretrained(path)
    model = MODELS[task](transformers).from_pretrained(path, dtype=dtype).eval()
    if forward is not None:

        class Stand(type(model)):
            """The model, which another library computes."""

            def forward(self, **inputs):
                arrays = {
                    name: value.numpy()
                    for name, value in inputs.items()
                    if isinstance(value, torch.Tensor)
                }
                return OUTPUTS[task](transformers, [torch.from_numpy(x) for x in forward(arrays)])

        Stand.__name__ = type(model).__name__  # by which a pipeline knows it
        model.__class__ = Stand
    if task == "embed":

        def run(rows):
            inputs = tokenizer(rows, padding=True, return_tensors="pt")
            with torch.inference_mode():
                states = model(**inputs).last_hidden_state.float()
                mask = inputs["attention_mask"][..., None].float()
                means = (states * mask).sum(1) / mask.sum(1)
                return torch.nn.functional.normalize(means).numpy()

        return run, lambda found: found.tolist()
    names = {"classify": "text-classification", "answer": "question-answering"}
    options = {"aggregation_strategy": "first"} if task == "tag" else {}
    pipe = transformers.pipeline(
        names.get(task, "token-classification"), model=model, tokenizer=tokenizer, **options
    )

    def run(rows):
        if task == "answer":
            rows = [{"question": question, "context": context} for question, context in rows]
        found = pipe(rows, batch_size=len(rows))
        return found if len(rows) > 1 or task != "answer" or isinstance(found, list) else [found]

    return run, lambda found: [READ[task](row) for row in found]


# What is compared of an answer as an object or a pipeline gives it.
READ = {
    "classify": lambda row: row["label"],
    "tag": lambda row: [[each["entity_group"], each["start"], each["end"]] for each in row],
    "answer": lambda row: [row["start"], row["end"]],
    "embed": lambda row: row.tolist(),
}
MODELS = {
    "classify": lambda library: library.BertForSequenceClassification,
    "tag": lambda library: library.BertForTokenClassification,
    "answer": lambda library: library.BertForQuestionAnswering,
    "embed": lambda library: library.BertModel,
}
OUTPUTS = {
    "classify": lambda library, x: library.modeling_outputs.SequenceClassifierOutput(logits=x[0]),
    "tag": lambda library, x: library.modeling_outputs.TokenClassifierOutput(logits=x[0]),
    "answer": lambda library, x: library.modeling_outputs.QuestionAnsweringModelOutput(
        start_logits=x[0], end_logits=x[1]
    ),
    "embed": lambda library, x: library.modeling_outputs.BaseModelOutput(last_hidden_state=x[0]),
}


def onnxruntime(task, folder, weights):
    """ONNX Runtime in the place of the pipeline's model, its graph fused as its tool does."""
    import onnxruntime

    path = folder / f"onnxruntime-{weights}.onnx"
    if not path.is_file():
        write_onnx(task, folder, weights, path)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = os.cpu_count()
    session = onnxruntime.InferenceSession(str(path), options, ["CPUExecutionProvider"])
    names = [given.name for given in session.get_inputs()]

    def forward(arrays):
        return session.run(None, {name: arrays[name] for name in names})

    return transformers(task, folder, "float32", forward)


def write_onnx(task, folder, weights, path):
    """Exports the model, once in float32, and rounds its matrices to int8."""
    import onnx
    import torch
    import transformers
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from onnxruntime.transformers import optimizer

    whole = folder / "onnxruntime-float32.onnx"
    if not whole.is_file():
        model = MODELS[task](transformers).from_pretrained(
            str(folder / "model"), attn_implementation="eager"
        )
        model.eval()
        model.config.return_dict = False
        names = ("input_ids", "attention_mask", "token_type_ids")
        ids = torch.ones((2, 16), dtype=torch.int64)
        outputs = {"answer": ["start", "end"]}.get(task, ["output"])
        torch.onnx.export(
            model,
            (ids,) * 3,
            str(whole),
            input_names=list(names),
            output_names=outputs,
            dynamic_axes={name: {0: "batch", 1: "length"} for name in names},
            opset_version=17,
            dynamo=False,
        )
        fused = optimizer.optimize_model(
            str(whole),
            "bert",
            num_heads=model.config.num_attention_heads,
            hidden_size=model.config.hidden_size,
        )
        fused.save_model_to_file(str(whole))
    if weights == "int8":
        # Of fused operations the tool does not know that they give floats.
        told = {"DefaultTensorType": onnx.TensorProto.FLOAT}
        quantize_dynamic(str(whole), str(path), weight_type=QuantType.QInt8, extra_options=told)


KINDS = {
    "object": this_package,
    "saved_model": saved_model,
    "compiled": lambda *given: saved_model(*given, kind="compiled"),
    "transformers": transformers,
    "onnxruntime": onnxruntime,
}

if __name__ == "__main__":
    main()
