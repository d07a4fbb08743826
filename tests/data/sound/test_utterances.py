"""Texts and frames in batches."""

import torch

from elman.data.ragged import Ragged
from elman.data.sound.utterances import Utterances


def test_a_batch_holds_steps_of_several_frames_and_what_came_before_each():
    frames = [torch.arange(1.0, 2 * n + 1).reshape(n, 2) for n in (5, 3)]
    silence = torch.tensor([-7.0, -8.0])
    examples = Utterances(Ragged.of([[4, 5, 6], [7]]), Ragged.of(frames), 2, silence)
    assert len(examples) == 2 and examples.lengths.tolist() == [3, 2]
    batch = examples.batch(torch.tensor([1, 0]))
    assert batch.inputs["x"].tolist() == [[7, 4], [0, 5], [0, 6]]
    assert batch.inputs["lengths"].tolist() == [1, 3] and batch.inputs["steps"].tolist() == [2, 3]
    assert batch.y[:, 1].tolist() == [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, -7, -8]]
    assert batch.y[:2, 0].tolist() == [[1, 2, 3, 4], [5, 6, -7, -8]]
    assert batch.y[2, 0].isnan().all()
    assert batch.inputs["before"][:, 1].tolist() == [[0, 0], [3, 4], [7, 8]]
    assert batch.inputs["before"][:, 0].tolist() == [[0, 0], [3, 4], [-7, -8]]
