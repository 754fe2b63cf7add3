"""Packaging of tftransformer."""

import pathlib
import re

from setuptools import find_packages, setup

root = pathlib.Path(__file__).parent
package = (root / "tftransformer" / "version.py").read_text(encoding="utf-8")

setup(
    name="tftransformer",
    version=re.search(r'^__version__ = "(.+)"$', package, re.MULTILINE)[1],
    description="Transformer components for TensorFlow and Keras 3",
    long_description=(root / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    packages=find_packages(include=["tftransformer", "tftransformer.*"]),
    package_data={
        "tftransformer.data": ["everyday.tsv.xz"],
        "tftransformer.text": ["*.json.xz"],
    },
    python_requires=">=3.11,<3.14",
    install_requires=[
        "tensorflow>=2.21,<2.22",
        # Its version follows TensorFlow's; there are no wheels for Windows.
        'tensorflow-text>=2.21,<2.22; platform_system != "Windows"',
        "keras>=3.15,<3.16",
        "numpy",
        "pandas",
        "scikit-learn",
        "sentencepiece>=0.2.2",
        "sacrebleu",
        "matplotlib",
        "pyarrow",
        "safetensors",
    ],
    extras_require={
        "test": [
            "pytest",
            "pytest-xdist",
            "hypothesis",
            "tokenizers",  # the reference of our own, see tests/text
            "nbclient",
            "ipykernel",
            "nbformat",
            "jax",
            "tensorboard",
            "ctranslate2>=4.8",
            "ruff==0.17.5",
            "mypy==2.4.1",
        ],
    },
    classifiers=[
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
    ],
)
