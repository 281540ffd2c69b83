"""How keras_float.tflite and keras_int8.tflite were made; needs tensorflow 2.21, no test runs it.

A convolutional stem, one transformer block and a classifier, converted by TensorFlow: its own
spelling of LayerNorm and attention is what the tests want to see.
"""

from pathlib import Path

import numpy as np
import tensorflow as tf  # type: ignore[import-not-found]

HERE = Path(__file__).parent
layers = tf.keras.layers


def block(x, d, heads):  # type: ignore[no-untyped-def]
    y = layers.LayerNormalization(epsilon=1e-5)(x)
    x = layers.Add()([x, layers.MultiHeadAttention(heads, d // heads)(y, y)])
    y = layers.LayerNormalization(epsilon=1e-5)(x)
    y = layers.Dense(d)(layers.Dense(2 * d, activation="gelu")(y))
    return layers.Add()([x, y])


def main() -> None:
    tf.keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    image = layers.Input((12, 12, 1), batch_size=1)
    x = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu6")(image)
    x = layers.DepthwiseConv2D(3, padding="same", activation="relu")(x)
    x = block(layers.Reshape((36, 16))(layers.Conv2D(16, 1)(x)), 16, 2)
    x = layers.Dense(5, activation="softmax")(layers.GlobalAveragePooling1D()(x))
    model = tf.keras.Model(image, x)
    samples = rng.standard_normal((64, 12, 12, 1)).astype(np.float32)
    for weight in model.weights:
        if "beta" in weight.path or "bias" in weight.path:
            weight.assign(rng.standard_normal(weight.shape) * 0.2)
    plain = tf.lite.TFLiteConverter.from_keras_model(model)
    (HERE / "keras_float.tflite").write_bytes(plain.convert())
    quantised = tf.lite.TFLiteConverter.from_keras_model(model)
    quantised.optimizations = [tf.lite.Optimize.DEFAULT]
    quantised.representative_dataset = lambda: ([s[None]] for s in samples)
    quantised.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    quantised.inference_input_type = quantised.inference_output_type = tf.int8
    (HERE / "keras_int8.tflite").write_bytes(quantised.convert())


if __name__ == "__main__":
    main()
