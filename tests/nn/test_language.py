"""Language model: the state goes on, and a stream says what the network says."""

import copy

import pytest
import torch
from torch.nn.functional import linear

from elman.nn.language import LanguageEnsemble, LanguageNetwork, LanguageStream

DROPOUT = {"dropout": 0.3, "embedding_dropout": 0.2, "weight_drop": 0.4}
NETWORKS = {
    "plain": {},
    "tied": {"tied": True},
    "tied, of one size": {"tied": True, "hidden": 8, "cell": "gru"},
    "residual": {"residual": True, "layers": 2, "hidden": 30, "embedding": 30},
    "wide embedding": {"embedding": 30, "layers": 2, "cell": "gru"},
    "everything": {"layers": 2, "tied": True, "layer_norm": True, **DROPOUT},
}


def network(name):
    torch.manual_seed(0)
    return LanguageNetwork(**{"vocabulary": 20, "embedding": 8, "hidden": 6} | NETWORKS[name]).double().eval()


def text(steps=9, streams=3):
    return torch.randint(1, 20, (steps, streams), generator=torch.Generator().manual_seed(1))


def test_by_hand():
    model, x = network("tied"), text()
    y, _ = model.stack(8**0.5 * model.embedding.weight[x])
    expected = linear(linear(y, model.inner.weight), model.embedding.weight, model.bias)
    torch.testing.assert_close(model(x, fresh=True), expected)


@pytest.mark.parametrize("name", NETWORKS)
def test_chunks_give_what_the_whole_gives(name):
    model, x = network(name), text()
    whole = model(x, fresh=torch.tensor(True))
    chunks = [model(x[:4], fresh=torch.tensor(True)), model(x[4:5]), model(x[5:])]
    torch.testing.assert_close(torch.cat(chunks), whole)
    torch.testing.assert_close(model(x, fresh=True), whole)


def test_gradients_end_where_the_call_begins():
    model, x = network("plain").train(), text()
    model(x[:4], fresh=True).sum()
    model.zero_grad()
    model(x[4:]).sum().backward()
    seen = model.embedding.weight.grad.abs().sum(1) > 0
    assert set(seen.nonzero()[:, 0].tolist()) == set(x[4:].unique().tolist())


def test_evaluation_does_not_disturb_training():
    model, x = network("plain"), text()
    model.train()
    model(x[:4], fresh=True)
    model.eval()
    model(x[:, :2], fresh=True)  # other streams, in another number
    model.train()
    after = model(x[4:])
    torch.testing.assert_close(after, model(x, fresh=True)[4:])


def test_another_number_of_streams_is_refused():
    model = network("plain")
    model(text(), fresh=True)
    with pytest.raises(ValueError, match="x has 2 streams, but the call before had 3"):
        model(text(streams=2))
    assert model(text(streams=2), fresh=True).shape == (9, 2, 20)


def test_the_state_is_not_saved():
    model = network("plain")
    before = list(model.state_dict())
    model(text(), fresh=True)
    assert list(model.state_dict()) == before
    assert not any("state" in name for name in before)


def test_tied_weights_are_one_tensor():
    model = network("tied")
    assert model.weight is None
    assert sum(parameter.shape == (20, 8) for parameter in model.parameters()) == 1


@pytest.mark.parametrize("name", NETWORKS)
def test_a_stream_says_what_the_network_says(name):
    model, x = network(name), text(streams=1)
    expected = model(x, fresh=True)[:, 0]
    stream = copy.deepcopy(model).train().stream()  # as in evaluation, though the network is in training
    for _ in range(2):
        logits = torch.stack([stream.step(symbol).clone() for symbol in x[:, 0].tolist()])
        torch.testing.assert_close(logits, expected)
        stream.reset()
    torch.testing.assert_close(stream.read(x[:, 0].tolist()), expected[-1])


def test_the_stream_of_several_says_the_mean_of_what_each_says():
    models, x = [network("plain"), network("tied, of one size"), network("residual")], text(streams=1)
    expected = torch.stack([model(x, fresh=True)[:, 0] for model in models]).mean(0)
    ensemble = LanguageEnsemble(models)
    torch.testing.assert_close(ensemble(x, fresh=True)[:, :, 0].mean(0), expected)
    stream = ensemble.stream()
    for _ in range(2):
        found = [stream.read(x[:3, 0].tolist()), *(stream.step(symbol) for symbol in x[3:, 0].tolist())]
        torch.testing.assert_close(torch.stack(found), expected[2:])
        stream.reset()
    assert (ensemble.stream(banned=[4]).step(1) == -torch.inf).nonzero().tolist() == [[4]]
    assert isinstance(LanguageEnsemble(models[:1]).stream(), LanguageStream)


def test_banned_symbols():
    model = network("tied")
    banned, free = model.stream(banned=[0, 5]).step(3).clone(), model.stream().step(3)
    assert (banned == -torch.inf).nonzero()[:, 0].tolist() == [0, 5]
    kept = banned > -torch.inf
    torch.testing.assert_close(banned[kept], free[kept])
    assert model.bias.isfinite().all()


def test_a_stream_refuses_what_it_cannot_read():
    stream = network("plain").stream()
    with pytest.raises(IndexError):
        stream.step(20)
    with pytest.raises(ValueError, match="symbols has 0 of them"):
        stream.read([])


@pytest.mark.parametrize("name", NETWORKS)
def test_every_parameter_learns(name):
    model = network(name).train()
    model(text(), fresh=True).square().sum().backward()
    for parameter_name, parameter in model.named_parameters():
        assert (parameter.grad != 0).any(), parameter_name


def test_it_learns_a_rhyme():
    torch.manual_seed(0)
    model = LanguageNetwork(vocabulary=6, embedding=8, hidden=24)
    # After 2 comes what stood before it: only a memory tells 3 from 4.
    line = torch.tensor([3, 2, 3, 1, 4, 2, 4, 5] * 20)[:, None]
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(60):
        for at in (0, 80):
            z = model(line[at : at + 79], fresh=at == 0)
            loss = torch.nn.functional.cross_entropy(z.flatten(0, 1), line[at + 1 : at + 80].flatten())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    assert loss.item() < 0.05
