import pytest
import torch
from torch import nn

from neural_odes import mlp, seeded


def test_layers_and_activations_alternate():
    net = mlp(2, 5, 4, 3, activation=nn.ReLU, last=nn.Tanh)
    kinds = [nn.Linear, nn.ReLU, nn.Linear, nn.ReLU, nn.Linear, nn.Tanh]
    assert [type(layer) for layer in net] == kinds
    assert net(torch.zeros(7, 2)).shape == (7, 3)
    assert isinstance(mlp(2, 3)[-1], nn.Linear)


@pytest.mark.parametrize("sizes", [(), (2,), (2, 0), (2, -1, 2)])
def test_bad_sizes_are_named(sizes):
    with pytest.raises(ValueError, match="sizes must"):
        mlp(*sizes)


def test_seeds_give_weights_and_leave_the_global_generator_alone():
    before = torch.random.get_rng_state()
    first, again, other = (
        seeded(lambda: mlp(2, 4, 2), seed)[0].weight for seed in (3, 3, 4)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(before, torch.random.get_rng_state())
