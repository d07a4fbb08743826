"""What all tasks that write share: an alarm for a network that does not read."""

import pytest
import torch

from elman.tasks.translate import Translator

TEXTS = {"read": [f"{7919 * at % 10_000:04d}" for at in range(80)]}
TEXTS["written"] = TEXTS["read"]


@pytest.fixture
def made():
    """A translator after few steps, and its validation part."""
    model = Translator(source="read", target="written", hidden=8, steps=2, test_share=0.0, valid_share=0.3,
                       source_level="char", target_level="char").fit(TEXTS)  # fmt: skip
    prepared = model.prepare(TEXTS, None, None, model.config())
    return model, prepared.valid


def test_one_answer_to_all_is_an_alarm(made):
    model, valid = made
    with torch.no_grad():
        model.network_.decoder.bias[model.target_tokens_.size + 1] += 50  # the end at once
    assert "get the same answer, ''" in model.alarm(model.network_, valid)


def test_attention_to_everything_alike_is_an_alarm(made):
    model, valid = made
    with torch.no_grad():
        model.network_.decoder.readout.weight.mul_(8)
        model.network_.decoder.embedding.weight.mul_(8)
        model.network_.decoder.attention.v.zero_()
    assert "attention does not focus" in model.alarm(model.network_, valid)


def test_an_alarm_that_lasts_is_noted(monkeypatch):
    monkeypatch.setattr(Translator, "alarm", lambda *_: "it is deaf")
    model = Translator(source="read", target="written", hidden=8, steps=4, test_share=0.0).fit(TEXTS)
    assert model.notes_[-1] == "WARNING: it is deaf"


def test_a_network_that_reads_raises_none():
    model = Translator(source="read", target="written", hidden=48, steps=300, test_share=0.0, dropout=0.0,
                       embedding_dropout=0.0, learning_rate=1e-2, source_level="char", target_level="char",
                       batch_size=16).fit(TEXTS)  # fmt: skip
    assert not any("WARNING" in note for note in model.notes_)
