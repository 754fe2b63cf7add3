"""A GPT-2 and a Transformer-XL of about the same size, which learn words.

    python examples/pretrain/words.py --data train.txt --validation val.txt [--seeds 0 1 2]

Three layers, four heads, 128 wide; four tenths are dropped out, since the texts are small; 4,000
updates of eight blocks of 64 words. GPT-2 reads them in any order; the Transformer-XL reads eight
streams in order, remembers 64 words from batch to batch, and is scored with a memory of 64, 256 and
none as well. Without --data they learn the embedded corpus. Beside them: counting the three words
before, over the same vocabulary. A run that was stopped goes on with --directory FOLDER.
"""

import keras
from language import Log, as_ids, batches_of, counted, options_of, texts_of, trained

import tftransformer as tt

LENGTH, ROWS, MEMORY = 64, 8, 64
SIZES = {"num_layers": 3, "d_model": 128, "num_heads": 4, "dff": 512, "pad_id": 0, "dropout": 0.4}


def gpt2(size: int) -> tt.Gpt2:
    return tt.Gpt2(size, **SIZES, num_positions=LENGTH)


def transformer_xl(size: int) -> tt.TransformerXL:
    return tt.TransformerXL(
        size, **SIZES, memory_length=MEMORY, same_length=False, clamp=None, cutoffs=(), norm="pre"
    )


def main() -> None:
    options = options_of(__doc__, minutes=60, steps=4000)
    texts = [text.replace("\n", " \n ").split(" ") for text in texts_of(options)]
    texts = [[word for word in text if word] for text in texts]
    size, (train, validation) = as_ids(*texts)
    log = Log(options.directory)
    log("words", train=len(train), validation=len(validation), kinds=size - 1)
    log("counting, order 4", nats=counted(train, validation, 4))
    for seed in options.seeds:
        for name, make, documents in (
            ("gpt-2", gpt2, "joined"),
            ("transformer-xl", transformer_xl, "streams"),
        ):
            keras.utils.set_random_seed(seed)
            read, held_out = (
                batches_of(ids, LENGTH, ROWS, documents=documents, training=training, seed=seed)
                for ids, training in ((train, True), (validation, False))
            )
            carry = tt.CarriedMemory() if documents == "streams" else None
            run = options.directory / f"{name}_{seed}"
            with log.part():
                trainer, nats = trained(
                    lambda make=make: make(size),
                    read,
                    held_out,
                    options,
                    run,
                    peak=2e-3,
                    carry=carry,
                )
                model = trainer.model
                log(f"{name}, seed {seed}", nats=nats, weights=model.count_params())
            for memory in (0, 256) if carry else ():
                longer = tt.Trainer(model.with_memory(memory), held_out, carry=carry, verbose=0)
                log(f"  memory {memory}", nats=longer.evaluate(held_out)["loss"])


if __name__ == "__main__":
    main()
