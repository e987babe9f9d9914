"""Keras on TensorFlow: a functional model in a tf.function, its variables frozen so that TensorFlow folds batch-norm."""

import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from protocol import SIDE, serve


def open_encoder(request):
    import keras
    import numpy
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    from network import EPSILON, Network

    tf.config.threading.set_intra_op_parallelism_threads(request["threads"])
    tf.config.threading.set_inter_op_parallelism_threads(1)
    network = Network(request)
    weighted = []

    class Operators:
        @staticmethod
        def convolution(layer, value):
            kernel = network.kernel(layer)
            convolution = keras.layers.Conv2D(
                kernel.shape[3], layer["kernel"], strides=layer["stride"], padding=layer["padding"], use_bias=False
            )
            norm = keras.layers.BatchNormalization(epsilon=EPSILON)
            weighted.extend([(convolution, [kernel]), (norm, network.batch_norm(layer))])
            return keras.layers.Activation("relu", name=layer["name"])(norm(convolution(value)))

        @staticmethod
        def max(layer, value):
            return keras.layers.MaxPooling2D(3, strides=2)(value)

        @staticmethod
        def average(layer, value):
            return keras.layers.AveragePooling2D(3, strides=1, padding="same")(value)

        @staticmethod
        def concat(values):
            return keras.layers.Concatenate()(values)

    pixels = keras.Input((SIDE, SIDE, 3))
    output = network.build(keras.layers.Rescaling(network.scale, network.offset)(pixels), Operators)
    model = keras.Model(pixels, keras.layers.GlobalAveragePooling2D()(output))
    for layer, tensors in weighted:
        layer.set_weights(list(tensors))

    @tf.function(input_signature=[tf.TensorSpec((None, SIDE, SIDE, 3), tf.uint8)])
    def features(batch):
        return model(tf.cast(batch, tf.float32), training=False)

    frozen = convert_variables_to_constants_v2(features.get_concrete_function())
    return (
        lambda batch: numpy.asarray(frozen(tf.constant(batch))[0]),
        "cpu",
        {"tensorflow": tf.__version__, "keras": keras.__version__},
    )


serve(open_encoder)
