"""What TensorFlow or PyTorch computes with here: the first card, or the processor if there is none.

    python benchmarks/device.py tensorflow|torch

says it in a line. A library is imported when it is asked for, so this serves both environments.
"""

import importlib
import sys

import timing


class TensorFlow:
    """TensorFlow's card and its memory."""

    def __init__(self):
        self.tf = importlib.import_module("tensorflow")
        cards = self.tf.config.list_physical_devices("GPU")
        self.card = cards[0] if cards else None

    def __str__(self) -> str:
        keras = importlib.import_module("keras")
        said = f"TensorFlow {self.tf.__version__}, Keras {keras.__version__}"
        if self.card is None:
            return f"{said}, no card"
        build = self.tf.sysconfig.get_build_info()
        details = self.tf.config.experimental.get_device_details(self.card)
        versions = f"built for CUDA {build['cuda_version']}, cuDNN {build['cudnn_version']}"
        return f"{said}, {versions}, on {details.get('device_name', 'a card')}"

    def forget_peak(self) -> None:
        """Counts the peak of the card's memory anew."""
        if self.card is not None:
            self.tf.config.experimental.reset_memory_stats("GPU:0")

    def peak(self) -> int:
        """The most bytes of the card's memory since then; without one, of this process's."""
        if self.card is None:
            return timing.peak_memory()
        return self.tf.config.experimental.get_memory_info("GPU:0")["peak"]


class Torch:
    """PyTorch's card and its memory."""

    def __init__(self):
        self.torch = importlib.import_module("torch")
        self.name = "cuda" if self.torch.cuda.is_available() else "cpu"

    def __str__(self) -> str:
        transformers = importlib.import_module("transformers")
        said = f"PyTorch {self.torch.__version__}, transformers {transformers.__version__}"
        if self.name == "cpu":
            return f"{said}, no card"
        versions = f"CUDA {self.torch.version.cuda}, cuDNN {self.torch.backends.cudnn.version()}"
        return f"{said}, {versions}, on {self.torch.cuda.get_device_name()}"

    def forget_peak(self) -> None:
        """Counts the peak of the card's memory anew."""
        if self.name == "cuda":
            self.torch.cuda.reset_peak_memory_stats()

    def peak(self) -> int:
        """The most bytes of the card's memory since then; without one, of this process's."""
        if self.name == "cpu":
            return timing.peak_memory()
        return self.torch.cuda.max_memory_allocated()


LIBRARIES = {"tensorflow": TensorFlow, "torch": Torch}

if __name__ == "__main__":
    print(LIBRARIES[sys.argv[1]]())
