"""Transformer components for TensorFlow and Keras 3."""
