"""Makes Keras models with random weights: python make_keras.py FOLDER writes each as .keras and .h5, with x and y.

Run by conftest.py in a process of its own, for Keras takes its backend from the environment when it is imported.
"""

import sys
from pathlib import Path

import numpy as np

F, T, B, V = 3, 6, 4, 9


def cells(layers):
    """Recurrent layers by name, each to be read after numbers (T, F)."""
    made = {}
    for every in (False, True):
        for bias in (False, True):
            end = f"{'every' if every else 'last'}_{'bias' if bias else 'plain'}"
            rest = {"return_sequences": every, "use_bias": bias}
            made[f"lstm_{end}"] = layers.LSTM(5, **rest)
            made[f"gru_after_{end}"] = layers.GRU(5, **rest)
            made[f"gru_before_{end}"] = layers.GRU(5, reset_after=False, **rest)
            made[f"rnn_{end}"] = layers.SimpleRNN(5, **rest)
            made[f"back_{end}"] = layers.GRU(5, go_backwards=True, **rest)
            for cell in ("LSTM", "GRU", "SimpleRNN"):
                made[f"both_{cell}_{end}"] = layers.Bidirectional(getattr(layers, cell)(5, **rest))
    made["relu"] = layers.SimpleRNN(5, activation="relu")
    made["sigmoid"] = layers.SimpleRNN(5, activation="sigmoid")
    made["dropped"] = layers.LSTM(5, dropout=0.5, recurrent_dropout=0.5)
    made["both_before"] = layers.Bidirectional(layers.GRU(5, reset_after=False, return_sequences=True))
    return made


def models(keras):
    layers = keras.layers
    made = {name: [keras.Input((None, F)), layer] for name, layer in cells(layers).items()}
    for kind, activation in [("relu", "relu"), ("tanh", "tanh"), ("softmax", "softmax"), ("none", None)]:
        made[f"dense_{kind}"] = [keras.Input((None, F)), layers.LSTM(4), layers.Dense(16, activation=activation)]
    made["dense_plain"] = [
        keras.Input((None, F)),
        layers.Dense(4, use_bias=False),
        layers.GRU(2, return_sequences=True),
    ]
    made["tagger"] = [
        keras.Input((None, F)),
        layers.SpatialDropout1D(0.1),
        layers.GRU(4, return_sequences=True),
        layers.Dropout(0.2),
        layers.TimeDistributed(layers.Dense(3)),
        layers.Activation("softmax"),
    ]
    made["deep"] = [
        keras.Input((T, F), batch_size=B),
        layers.LSTM(4, return_sequences=True),
        layers.LSTM(5, return_sequences=True),
        layers.Bidirectional(layers.LSTM(3)),
        layers.Dense(2, activation="sigmoid"),
    ]
    inner = {
        "one": [layers.LSTM(4, return_sequences=True), layers.GRU(3)],
        "held": [layers.GRU(4, return_sequences=True), layers.Dense(2)],
        "both": [layers.Bidirectional(layers.LSTM(4, return_sequences=True)), layers.Dense(2)],
        "end": [layers.Bidirectional(layers.GRU(4))],
        "back": [layers.SimpleRNN(4, go_backwards=True)],
    }
    for name, rest in inner.items():
        again = [type(layer).from_config(layer.get_config()) for layer in rest]
        made[f"symbols_{name}"] = [keras.Input((None,)), layers.Embedding(V, 4, mask_zero=True), *rest]
        made[f"masked_{name}"] = [keras.Input((None, F)), layers.Masking(-1.0), *again]
    made["symbols_all"] = [keras.Input((None,)), layers.Embedding(V, 4), layers.LSTM(4)]
    return {name: keras.Sequential(parts) for name, parts in made.items()} | functional(keras)


def functional(keras):
    layers = keras.layers
    x = keras.Input((None, F))
    y = layers.Dense(2)(layers.LSTM(4)(layers.GRU(5, return_sequences=True)(x)))
    symbols = keras.Input((None,))
    z = layers.Dense(2)(layers.LSTM(4)(layers.Dropout(0.1)(layers.Embedding(V, 4, mask_zero=True)(symbols))))
    return {"functional": keras.Model(x, y), "symbols_functional": keras.Model(symbols, z)}


def refused(keras):
    """Models that have no counterpart, and what of their refusal names it."""
    layers = keras.layers
    x = keras.Input((4, F))
    lstm = layers.LSTM(3)(x)
    parts = {
        "lambda": layers.Lambda(lambda v: v * 2),
        "conv": layers.Conv1D(2, 2),
        "stateful": layers.LSTM(2, stateful=True),
        "hard": layers.LSTM(2, recurrent_activation="hard_sigmoid"),
        "softsign": layers.GRU(2, activation="softsign"),
        "summed": layers.Bidirectional(layers.LSTM(2), merge_mode="sum"),
    }
    made = {name: keras.Sequential([keras.Input((4, F), batch_size=2), layer]) for name, layer in parts.items()}
    branch = keras.Model(x, layers.Concatenate()([lstm, layers.GRU(2)(x)]))
    two = keras.Model(x, [lstm, layers.Dense(2)(lstm)])
    return made | {"branch": branch, "two": two}


def main(folder):
    import keras

    draw = np.random.default_rng(0)
    for name, model in models(keras).items():
        model.set_weights([draw.normal(0, 0.7, weight.shape) for weight in model.get_weights()])
        model.save(folder / f"{name}.keras")
        model.save(folder / f"{name}.h5")
        if name.startswith("symbols"):
            x = draw.integers(0, V, (B, T))
            x[0, :2] = x[1, 2:4] = x[2, 4:] = 0
            if name != "symbols_all":
                x[3] = 0
        else:
            x = draw.normal(0, 1, (B, T, F)).astype("float32")
            if name.startswith("masked"):
                x[0, :2] = x[1, 2:4] = x[2, 4:] = x[3] = -1
        np.savez(folder / f"{name}.npz", x=x, y=keras.ops.convert_to_numpy(model(x, training=False)))
    for name, model in refused(keras).items():
        model.save(folder / f"no_{name}.keras")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
