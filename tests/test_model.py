from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from charlstm.config import ModelConfig
from charlstm.model import CharLSTM, detach


@pytest.mark.parametrize("embedding_size", [0, 8])
def test_shapes(make_model: Callable[..., CharLSTM], embedding_size: int) -> None:
    logits, (h, c) = make_model(11, embedding_size=embedding_size)(torch.randint(11, (7, 5)))
    assert logits.shape == (7, 5, 11)
    assert h.shape == c.shape == (2, 5, 16)


def test_the_default_is_two_layers_of_512() -> None:
    model = CharLSTM(65, ModelConfig())
    assert (model.lstm.num_layers, model.lstm.hidden_size) == (2, 512)
    assert 3_300_000 < model.parameters_count < 3_600_000


def test_state_carried_over_a_cut_changes_nothing(make_model: Callable[..., CharLSTM]) -> None:
    model, ids = make_model(), torch.randint(11, (12, 4))
    whole, end = model(ids)
    first, state = model(ids[:5])
    second, end_in_parts = model(ids[5:], detach(state))
    assert torch.allclose(torch.cat([first, second]), whole, atol=1e-6)
    assert torch.allclose(end[1], end_in_parts[1], atol=1e-6)
    assert not torch.allclose(model(ids[5:])[0], whole[5:], atol=1e-3), "a dropped state must be seen"


def test_forget_gates_begin_open_and_all_other_biases_at_zero(make_model: Callable[..., CharLSTM]) -> None:
    lstm = make_model().lstm
    for layer in range(2):
        bias = getattr(lstm, f"bias_ih_l{layer}") + getattr(lstm, f"bias_hh_l{layer}")
        assert bias.reshape(4, 16).mean(1).tolist() == [0, 1, 0, 0]
        for gate in getattr(lstm, f"weight_hh_l{layer}").chunk(4):
            assert torch.allclose(gate @ gate.T, torch.eye(16), atol=1e-5)


def test_the_generator_alone_decides_the_weights() -> None:
    config = ModelConfig(hidden_size=16)
    one, two, other = (CharLSTM(5, config, torch.Generator().manual_seed(seed)).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert any(not torch.equal(one[name], other[name]) for name in one)


def test_dropout_works_in_training_only(make_model: Callable[..., CharLSTM]) -> None:
    model, ids = make_model(dropout=0.5), torch.randint(11, (6, 2))
    assert torch.equal(model(ids)[0], model(ids)[0])
    model.train()
    assert not torch.equal(model(ids)[0], model(ids)[0])


def test_a_single_layer_with_dropout_does_not_warn() -> None:
    CharLSTM(5, ModelConfig(num_layers=1, dropout=0.5))  # warnings are errors here
