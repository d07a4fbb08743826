"""Classifier and tagger networks: rows of a batch do not see each other, and every part is in the sum."""

import pytest
import torch

from elman.nn.pool import pool
from elman.nn.sequence import ClassifierNetwork, SequenceNetwork, TaggerNetwork

LENGTHS = torch.tensor([7, 3, 1, 5])
WORDS = {"vocabulary": 20, "embedding": 8}
# Twenty words, of which the first is padding; the third and the last two have no n-grams.
BAGS = [[], [3], [], [1, 2, 9], *[[at % 9 + 1, 4] for at in range(14)], [], []]
SPELLING = {
    "words": torch.arange(20) // 2,
    "grams": torch.tensor([gram for bag in BAGS for gram in bag]),
    "bags": torch.tensor([0, *(len(bag) for bag in BAGS)]).cumsum(0),
}
DROPOUT = {"dropout": 0.3, "embedding_dropout": 0.2, "weight_drop": 0.4}
BODIES = {
    "words": WORDS,
    "numbers": {"features": 3},
    "everything": {"conv": 3, "layers": 2, "residual": True, "cell": "gru", **WORDS, **DROPOUT},
    "spelled": {"grams": 9, "embedding_dropout": 0.2, **WORDS},
    "one way": {"bidirectional": False, "layer_norm": True, "cell": "rnn", **WORDS},
    "frames": {"picture": (6, 5, 1)},
    "remembered frames": {"picture": (5, 6, 1), "frame_encoder": "convgru", "conv": 3, "position": 2, "steps": 7},
    "places": {"features": 3, "position": 4, "steps": 9},
    "places of words": {"position": 4, "steps": 7, **WORDS},
}
POOLINGS = ("attention", "dot", "last", "mean", "max", "concat")


def body(name):
    torch.manual_seed(0)
    return SequenceNetwork(hidden=6, **BODIES[name]).double()


def batch(name):
    """x, and the words and n-grams that the places in it stand for, if the network spells."""
    torch.manual_seed(1)
    features = 30 if "picture" in BODIES[name] else 3
    x = torch.randn(7, 4, features, dtype=torch.float64)
    if "vocabulary" in BODIES[name]:
        x = torch.randint(1, 20, (7, 4))
    inside = torch.arange(7)[:, None] < LENGTHS
    return torch.where(inside if x.dim() == 2 else inside[..., None], x, 0), SPELLING if name == "spelled" else {}


def wake(network):
    """Attention begins as the mean; here it is to prefer something."""
    if network.attention is not None:
        torch.nn.init.normal_(network.attention.query)
    return network


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("name", BODIES)
def test_a_row_in_a_batch_is_the_row_alone(name, pooling):
    network = wake(ClassifierNetwork(body(name), 3, pooling=pooling, dropout=0.5).double()).eval()
    x, spelling = batch(name)
    z, weights = network.explain(x, LENGTHS, **spelling)
    assert z.shape == (4, 3)
    for row, length in enumerate(LENGTHS.tolist()):
        alone, alone_weights = network.explain(x[:length, row : row + 1], **spelling)
        torch.testing.assert_close(z[row], alone[0])
        if weights is not None:
            torch.testing.assert_close(weights[:length, row], alone_weights[:, 0])
            assert (weights[length:, row] == 0).all()
    assert (weights is None) == (pooling not in ("attention", "dot"))


def test_the_classifier_by_hand():
    network = ClassifierNetwork(body("words"), 3, pooling="concat").double().eval()
    x, _ = batch("words")
    y, _ = network.body.stack(network.body.embedding.weight[x], lengths=LENGTHS)
    pooled = pool(y, LENGTHS, "concat", bidirectional=True)
    torch.testing.assert_close(network(x, LENGTHS), pooled @ network.head.weight.T + network.head.bias)


@pytest.mark.parametrize("name", BODIES)
def test_a_tagger_answers_every_step(name):
    network = TaggerNetwork(body(name), 4, dropout=0.5).double().eval()
    x, spelling = batch(name)
    z = network(x, LENGTHS, **spelling)
    assert z.shape == (7, 4, 4)
    for row, length in enumerate(LENGTHS.tolist()):
        torch.testing.assert_close(z[:length, row], network(x[:length, row : row + 1], **spelling)[:, 0])


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("name", BODIES)
def test_every_parameter_learns(name, pooling):
    network = wake(ClassifierNetwork(body(name), 3, pooling=pooling).double()).train()
    x, spelling = batch(name)
    network(x, LENGTHS, **spelling).square().sum().backward()
    for parameter_name, parameter in network.named_parameters():
        assert parameter.grad is not None, parameter_name
        assert parameter.grad.isfinite().all(), parameter_name
        assert (parameter.grad != 0).any(), parameter_name


def test_dropout_acts_in_training_alone():
    network = ClassifierNetwork(body("everything"), 3, dropout=0.5).double()
    x, _ = batch("everything")
    assert not torch.equal(network(x, LENGTHS), network(x, LENGTHS))
    network.eval()
    assert torch.equal(network(x, LENGTHS), network(x, LENGTHS))


def test_a_word_is_its_vector_and_its_ngrams_by_hand():
    network = body("spelled").eval()
    x, spelling = batch("spelled")
    grams = network.grams.weight
    table = [
        network.embedding.weight[word] + sum(grams[at] for at in bag) / max(len(bag), 1) ** 0.5
        for word, bag in zip(spelling["words"], BAGS, strict=True)
    ]
    expected = network.stack(torch.stack(table)[x], lengths=LENGTHS)[0]
    torch.testing.assert_close(network(x, LENGTHS, **spelling), expected)


def test_a_dropped_word_is_gone_wherever_it_stands_with_its_ngrams():
    torch.manual_seed(0)
    network = SequenceNetwork(hidden=6, grams=9, embedding_dropout=0.5, **WORDS)
    kept = network.spelled(**SPELLING)
    network.eval()
    whole = network.spelled(**SPELLING)
    gone = (kept == 0).all(1)
    assert not gone.all()
    assert (gone & (whole != 0).any(1)).any()
    torch.testing.assert_close(kept[~gone], 2 * whole[~gone])


def test_a_speller_needs_words_and_their_ngrams():
    with pytest.raises(ValueError, match="words, grams or bags are missing"):
        body("spelled")(batch("spelled")[0], LENGTHS)
    with pytest.raises(ValueError, match="grams is 9, but without a vocabulary"):
        SequenceNetwork(features=3, grams=9, hidden=6)


def test_numbers_are_not_dropped():
    # One mask for all steps would blind a row of one feature.
    network = SequenceNetwork(features=1, hidden=4, dropout=0.9)
    x = torch.randn(7, 4, 1)
    assert torch.equal(network(x, LENGTHS), network(x, LENGTHS))


def test_frames_are_looked_at_before_the_stack():
    network = body("frames").eval()
    x, _ = batch("frames")
    expected = network.stack(network.look(x, LENGTHS), lengths=LENGTHS)[0]
    torch.testing.assert_close(network(x, LENGTHS), expected)


def test_each_place_has_a_vector_of_its_own():
    network = body("places").eval()
    x, _ = batch("places")
    assert network.position.shape == (9, 4)
    places = network.position[:7, None].expand(-1, 4, -1)
    expected = network.stack(torch.cat([x, places], -1), lengths=LENGTHS)[0]
    torch.testing.assert_close(network(x, LENGTHS), expected)


def test_a_row_longer_than_its_places_is_refused():
    network = body("places")
    assert network(torch.zeros(9, 1, 3, dtype=torch.float64)).shape == (9, 1, 12)
    with pytest.raises(ValueError, match="x has 10 steps, but 9 have a place: give fewer"):
        network(torch.zeros(10, 1, 3, dtype=torch.float64))


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"features": 3, "vocabulary": 20, "embedding": 8},
        {"features": 3, "picture": (4, 4, 1)},
        {"vocabulary": 20, "embedding": 8, "picture": (4, 4, 1)},
    ],
)
def test_symbols_or_numbers_or_frames(given):
    with pytest.raises(ValueError, match="one of the three is needed"):
        SequenceNetwork(hidden=6, **given)


def test_an_unknown_pooling():
    with pytest.raises(ValueError, match="pooling is 'sum'"):
        ClassifierNetwork(body("words"), 3, pooling="sum")
