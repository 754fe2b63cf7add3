"""Registration of serialisable classes under one package name."""

import keras

register = keras.saving.register_keras_serializable(package="tftransformer")
