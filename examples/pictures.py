"""Handwritten digits: read by their rows, painted pixel by pixel, and set in motion and told by where they go.

    python examples/pictures.py [MINUTES]

The digits, 1,797 pictures of 8 x 8 pixels, come with scikit-learn. Needs pip install '.[video]'.
"""

import sys
import tempfile
from pathlib import Path

import av
import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

import elman

minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 0.5
folder = Path(tempfile.mkdtemp())
digits = load_digits()
pictures = (digits.images * (255 / 16)).astype(np.uint8)  # (1797, 8, 8)

# An archive of pictures and labels; a part of it is held out to judge.
np.savez(folder / "digits.npz", x=pictures, y=digits.target)
reader = elman.Classifier(as_="rows", conv=3, minutes=minutes).fit(folder / "digits.npz")
print(reader.evaluation_)
print("the first five are", reader.predict(pictures[:5]), "\n")

painter = elman.Painter(levels=4, minutes=minutes).fit(folder / "digits.npz")
print(painter.evaluation_)
painted = painter.predict(count=4, seed=0)  # (4, 8, 8, 1) bytes
rest = painter.predict(pictures[:4], keep=0.5, seed=0)  # their lower halves painted anew
Image.fromarray(np.vstack([np.hstack(part[..., 0]) for part in (painted, rest)])).save(folder / "painted.png")
print("painted and completed:", folder / "painted.png", "\n")


def moving(digit: np.ndarray, way: str) -> np.ndarray:
    """(12, 32, 32, 3) bytes: a digit on its way across a dark ground."""
    large = digit.repeat(2, 0).repeat(2, 1)
    clip = np.zeros((12, 32, 32, 3), np.uint8)
    for t in range(12):
        near, far = t, 15 - t
        row, column = {"up": (far, 8), "down": (near, 8), "left": (8, far), "right": (8, near)}[way]
        clip[t, row : row + 16, column : column + 16] = large[..., None]
    return clip


# A folder with a subfolder of clips for each label.
for at, digit in enumerate(pictures[:120]):
    way = ("up", "down", "left", "right")[at % 4]
    (folder / "clips" / way).mkdir(parents=True, exist_ok=True)
    with av.open(str(folder / "clips" / way / f"{at}.mp4"), "w") as container:
        stream = container.add_stream("mpeg4", rate=12)
        stream.width = stream.height = 32
        stream.pix_fmt = "yuv420p"
        for frame in moving(digit, way):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())

watcher = elman.Classifier(minutes=minutes, members=1).fit(folder / "clips")
print(watcher.evaluation_)
print(watcher.save(folder / "ways.elman") / "report.html", "shows the guess over time")
