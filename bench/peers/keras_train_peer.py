"""Keras on TensorFlow: its own layers and its Adam, one step a tf.function, with XLA or without."""

import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from train_protocol import serve


def open_trainer(request):
    import keras
    import tensorflow as tf
    from safetensors.numpy import load_file

    tf.config.threading.set_intra_op_parallelism_threads(request["threads"])
    tf.config.threading.set_inter_op_parallelism_threads(1)
    settings, words = request["hyperparameters"], request["vocabularySize"]
    if settings["image"] != "state" or settings["imageActivation"] != "elu" or settings["clipNorm"]:
        raise ValueError("it is written for preset seed")
    weights = load_file(request["weights"])

    features = keras.Input((request["dimension"],))
    tokens = keras.Input((None,), dtype="int64")
    encoder = keras.layers.Dense(settings["units"], activation="elu")
    embedding = keras.layers.Embedding(words, settings["embedding"])
    lstm = keras.layers.LSTM(settings["units"], return_sequences=True)
    output = keras.layers.Dense(words)
    state = encoder(features)
    model = keras.Model([features, tokens], output(lstm(embedding(tokens), initial_state=[state, state])))
    encoder.set_weights([weights["encoder/kernel"], weights["encoder/bias"]])
    embedding.set_weights([weights["embedding/embeddings"]])
    lstm.set_weights([weights["lstm/kernel"], weights["lstm/recurrent_kernel"], weights["lstm/bias"]])
    output.set_weights([weights["output/kernel"], weights["output/bias"]])
    optimizer = keras.optimizers.Adam(
        settings["learningRate"], beta_1=settings["beta1"], beta_2=settings["beta2"], epsilon=settings["epsilon"]
    )
    optimizer.build(model.trainable_variables)

    def step(features, tokens, targets, mask):
        with tf.GradientTape() as tape:
            logits = model([features, tokens], training=True)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits)
            loss = tf.reduce_sum(losses * mask) / tf.reduce_sum(mask)
        variables = model.trainable_variables
        # Dense: of slices Keras squares each for itself before it adds them up, which is another optimizer.
        gradients = [tf.convert_to_tensor(gradient) for gradient in tape.gradient(loss, variables)]
        optimizer.apply(gradients, variables)
        return loss

    if request["variant"] == "xla":
        # Compiled for each length of the batches anew.
        step = tf.function(step, jit_compile=True)
    else:
        size = settings["batchSize"]
        shapes = [((size, request["dimension"]), tf.float32), ((size, None), tf.int64), ((size, None), tf.int64), ((size, None), tf.float32)]
        step = tf.function(step, input_signature=[tf.TensorSpec(*spec) for spec in shapes])

    def prepare(features, tokens, targets, lengths):
        mask = tf.sequence_mask(lengths, tokens.shape[1], dtype=tf.float32)
        return tf.constant(features), tf.constant(tokens), tf.constant(targets), mask

    return prepare, step, {"tensorflow": tf.__version__, "keras": keras.__version__}


serve(open_trainer)
