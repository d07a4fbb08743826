"""Small good files of every kind that users hand over; ``mutations.py`` makes bad ones of them."""

import io
import json
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

Files = list[bytes]
DAYS, ROWS = np.datetime64("2020-01-01"), 30


def table(separator: str = ",") -> str:
    lines = [separator.join(("day", "y", "shop", "word"))]
    for at in range(ROWS):
        lines.append(separator.join((str(DAYS + at), f"{50 + at / 7:.3f}", "ab"[at % 2], '"red, green"')))
    return "\n".join(lines) + "\n"


def tables() -> Files:
    stamps = "time,y\n" + "".join(f"{1_600_000_000 + 3600 * at},{at}\n" for at in range(ROWS))
    named = "date;y;z\n" + "".join(f"{at + 1} Jan 2021 10:30 pm;{at},5;NA\n" for at in range(ROWS))
    parts = "year,month,day,hour,y\n" + "".join(
        f"2020,{at % 12 + 1},{at % 28 + 1},{at % 24},{at}\n" for at in range(ROWS)
    )
    zoned = "ds\ty\n" + "".join(f"2020-01-01T{at % 24:02}:00:00.5+02:00\t{at}e1\n" for at in range(24))
    return [one.encode() for one in (table(), table(";"), table("\t"), stamps, named, parts, zoned)]


def json_lines() -> Files:
    rows = [{"day": str(DAYS + at), "y": at / 7, "shop": "ab"[at % 2], "word": "red"} for at in range(ROWS)]
    nested = [{"day": at, "y": [at], "word": {"a": None}} for at in range(5)]
    return ["".join(json.dumps(row) + "\n" for row in kind).encode() for kind in (rows, nested)]


def parquets() -> Files:
    import polars as pl

    frame = pl.DataFrame(
        {"day": DAYS + np.arange(ROWS), "y": np.arange(ROWS) / 7, "shop": ["a", "b"] * 15, "word": ["r"] * ROWS}
    )
    nested = frame.with_columns(
        pl.col("shop").cast(pl.Categorical), z=pl.lit([1, 2]), t=pl.col("day").cast(pl.Datetime("ns", "UTC"))
    )
    found = []
    for one, packing in ((frame, "zstd"), (frame, "uncompressed"), (nested, "snappy")):
        sink = io.BytesIO()
        one.write_parquet(sink, compression=packing)
        found.append(sink.getvalue())
    return found


def words() -> Files:
    plain = "Der alte Mann.\r\n\r\nÉlan — 漢字かな 🎈.\n" * 4
    tagged = "-DOCSTART- O\n\nJohn B-PER\nlives O\nin O\nNew B-LOC\nYork I-LOC\n\n" * 3
    return [plain.encode(), tagged.encode(), tagged.replace(" ", "\t").encode()]


def vectors() -> Files:
    lines = [f"{word} {at} 0.5 -1e-3" for at, word in enumerate(("red", "green", "New York", "blue"))]
    plain = "\n".join(lines).encode() + b"\n"
    return [plain, b"4 3\n" + plain]


def vocabularies() -> Files:
    from elman.data.text.tokens import Tokens

    texts = ["red green blue", "a dark light", "漢字 red red"] * 4
    kinds = (Tokens.fit(texts, level=level, size=300) for level in ("word", "char", "byte", "subword"))
    return [json.dumps(kind.to_json()).encode() for kind in kinds]


def sounds(kind: str) -> Files:
    import soundfile

    t, found = np.arange(1600) / 16000, []
    for channels, rate in ((1, 8000), (2, 16000)):
        sink = io.BytesIO()
        wave = 0.3 * np.sin(2 * np.pi * 440 * t)
        soundfile.write(sink, np.stack([wave] * channels, 1), rate, format=kind)
        found.append(sink.getvalue())
    return found


def manifests() -> Files:
    return [b"file\ttext\n" + b"a.wav\tred\n" * 3, b"file,text\na.wav,red\n,\na.wav,\n"]


def pictures(kind: str) -> Files:
    from PIL import Image

    draw, found = np.random.default_rng(0), []
    for mode in ("RGB", "L", "P", "RGBA", "1", "I;16"):
        picture = Image.fromarray(draw.integers(0, 256, (9, 7, 3), np.uint8))
        picture = (
            Image.fromarray(draw.integers(0, 65536, (9, 7), np.uint16)) if mode == "I;16" else picture.convert(mode)
        )
        sink = io.BytesIO()
        try:
            exif = Image.Exif()
            exif[0x0112] = 6
            picture.save(sink, kind, **({"exif": exif} if kind in ("JPEG", "PNG", "WEBP") else {}))
        except (OSError, ValueError):  # of modes that the format has not
            continue
        found.append(sink.getvalue())
    return found


def archives() -> Files:
    draw, found = np.random.default_rng(0), []
    x, y = draw.integers(0, 256, (6, 4, 4), np.uint8), np.arange(6) % 2
    for save, arrays in (
        (np.savez, {"x": x, "y": y}),
        (np.savez_compressed, {"x_train": x, "y_train": y.astype(str), "x_test": x[:2], "y_test": y[:2].astype(str)}),
        (np.savez, {"images": x / 255.0}),
    ):
        sink = io.BytesIO()
        save(sink, **arrays)
        found.append(sink.getvalue())
    return found


def kept_clips() -> Files:
    sink = io.BytesIO()
    np.save(sink, np.zeros((2, 4, 4, 1), np.uint8))
    return [sink.getvalue()]


def clips(kind: str, codec: str = "mpeg4") -> Files:
    import av

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"clip.{kind}")
        with av.open(str(path), "w") as container:
            stream = container.add_stream(codec, rate=10)
            stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
            for level in range(0, 200, 40):
                frame = av.VideoFrame.from_ndarray(np.full((32, 32, 3), level, np.uint8), format="rgb24")
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        return [path.read_bytes()]


def settings() -> Files:
    text = '# a comment\ntarget = "Close"\nhorizon = 5\nknown = ["a", "b"]\nautomatic = false\nminutes = 0.5\n'
    return [text.encode(), b'day = 2020-01-01\n"time" = """x\ny"""\n[a.b]\nc = { d = 0x1F, e = [1, [2]] }\n[[f]]\n']


def traces() -> Files:
    scalar = {"W": [0.5], "U": [0.8], "b": [0.1], "V": [1.0], "d": [0.0], "x": [1, 2]}
    four = {"W": [[0.5, 1.0]] * 8, "U": [[0.8, -1]] * 8, "x": [[1, 2], [3, 4]]}
    return [json.dumps(one).encode() for one in (scalar, four, {"W": [1.0] * 4, "U": [2.0] * 4})]


def states(streams: Any) -> Files:
    found = []
    for words in ((), ("red", "green")):
        stream = streams.open()
        for word in words:
            stream.step(word)
        found.append(stream.dumps())
        stream.close()
    return found


def lines() -> Files:
    return [b"day,y\n2020-01-01,1\n2020-01-02,2\n", b'{"day": "2020-01-01", "y": 1.5}\n', b"[1, 2]\n3,4.5\n", b"a, b\n"]


def onnx_files() -> Files:
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    draw, found = np.random.default_rng(0), []
    for kind, gates in (("LSTM", 4), ("GRU", 3)):
        shapes = {"W": (1, gates * 2, 3), "R": (1, gates * 2, 2), "B": (1, gates * 4)}
        weights = [
            numpy_helper.from_array(draw.normal(0, 1, shape).astype("float32"), n) for n, shape in shapes.items()
        ]
        node = helper.make_node(kind, ["x", *shapes], ["y", "h"], hidden_size=2)
        ends = [
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None] * size)]
            for name, size in (("x", 3), ("y", 4))
        ]
        ends[0][0].type.tensor_type.shape.dim[2].dim_value = 3
        graph = helper.make_graph([node], "made", *ends, weights)
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnx.checker.check_model(made)
        found.append(made.SerializeToString())
    return found


def _keras() -> tuple[bytes, dict[str, np.ndarray]]:
    """A chain as Keras describes it, and its weights by their places in an archive."""
    layers = [
        {"class_name": "InputLayer", "config": {"batch_shape": [None, None, 3], "name": "input_layer"}},
        {"class_name": "LSTM", "config": {"name": "lstm", "units": 2, "activation": "tanh", "return_sequences": True}},
        {"class_name": "Dense", "config": {"name": "dense", "units": 2, "activation": "tanh"}},
    ]
    model = {"module": "keras", "class_name": "Sequential", "config": {"name": "sequential", "layers": layers}}
    shapes = {"lstm/cell/vars/0": (3, 8), "lstm/cell/vars/1": (2, 8), "lstm/cell/vars/2": (8,)}
    shapes |= {"dense/vars/0": (2, 2), "dense/vars/1": (2,)}
    draw = np.random.default_rng(0)
    weights = {name: draw.normal(0, 1, shape).astype("float32") for name, shape in shapes.items()}
    return json.dumps(model).encode(), weights


def keras_archives() -> Files:
    import h5py

    config, weights = _keras()
    held, out = io.BytesIO(), io.BytesIO()
    with h5py.File(held, "w") as root:
        for name, array in weights.items():
            root[f"layers/{name}"] = array
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("metadata.json", "{}")
        archive.writestr("config.json", config)
        archive.writestr("model.weights.h5", held.getvalue())
    return [out.getvalue()]


def keras_h5() -> Files:
    import h5py

    config, weights = _keras()
    arrays = list(weights.values())
    names = {"lstm": ("kernel", "recurrent_kernel", "bias"), "dense": ("kernel", "bias")}
    out = io.BytesIO()
    with h5py.File(out, "w") as root:
        root.attrs["model_config"] = config.decode()
        held = root.create_group("model_weights")
        held.attrs["layer_names"] = list(names)
        for layer, own in names.items():
            held.create_group(layer).attrs["weight_names"] = [f"{layer}/{name}" for name in own]
            for name in own:
                held[f"{layer}/{layer}/{name}"] = arrays.pop(0)
    return [out.getvalue()]


def torch_weights() -> Files:
    import torch
    from safetensors.torch import save

    torch.manual_seed(0)
    nets = (torch.nn.RNN(3, 2), torch.nn.RNN(2, 2, num_layers=2, bidirectional=True))
    return [save(dict(net.state_dict())) for net in nets]
