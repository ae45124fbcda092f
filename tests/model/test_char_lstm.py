from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch.nn import functional as F

from charlstm.config import ModelConfig
from charlstm.errors import ConfigError
from charlstm.model.char_lstm import CharLSTM, _locked_dropout, detach
from charlstm.model.shapes import MAX_PARAMETERS, count_parameters, refuse_too_large, tensor_shapes


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


@pytest.mark.parametrize("num_layers", [1, 3])
def test_a_layer_at_a_time_is_all_layers_at_once(make_model: Callable[..., CharLSTM], num_layers: int) -> None:
    model, x = make_model(num_layers=num_layers), torch.randn(6, 2, 8)
    for state in (None, (torch.randn(num_layers, 2, 16), torch.randn(num_layers, 2, 16))):
        hidden, (h, c) = model._lstm_with_dropout(x, state)  # which is 0 in this model
        for ours, theirs in zip((hidden, h, c), (model.lstm(x, state)[0], *model.lstm(x, state)[1]), strict=True):
            assert torch.allclose(ours, theirs, atol=1e-6)


def test_dropout_is_locked_over_time_and_keeps_the_mean() -> None:
    dropped = _locked_dropout(torch.ones(7, 50, 100), 0.3, torch.Generator().manual_seed(1))
    assert torch.equal(dropped, dropped[:1].expand_as(dropped)), "the same units at every character"
    assert not torch.equal(dropped[:, 0], dropped[:, 1]), "other units in every stream"
    assert torch.equal(dropped.unique(), torch.tensor([0, 1 / 0.7]))
    assert dropped.mean().item() == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_dropout_draws_what_torchs_own_does_from_torchs_own_generator(share: float) -> None:
    """Trainings were saved with the state of that: they go on with the same numbers."""
    torch.manual_seed(5)
    kept, after = F.dropout(torch.ones(1, 6, 70), share), torch.rand(3)
    generator, x = torch.Generator().manual_seed(5), torch.randn(4, 6, 70)
    assert torch.equal(_locked_dropout(x, share, generator), x * kept)
    assert torch.equal(torch.rand(3, generator=generator), after)
    torch.manual_seed(5)
    assert torch.equal(_locked_dropout(x, share), x * kept)


def test_the_generator_alone_decides_what_is_dropped(make_model: Callable[..., CharLSTM]) -> None:
    model, ids = make_model(dropout=0.5).train(), torch.randint(11, (6, 2))
    before = torch.random.get_rng_state()
    one, two, other = (model(ids, None, torch.Generator().manual_seed(seed))[0] for seed in (1, 1, 2))
    assert torch.equal(one, two)
    assert not torch.equal(one, other)
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize("vocabulary_size", [1, 11])
@pytest.mark.parametrize("embedding_size", [0, 1, 8])
@pytest.mark.parametrize("num_layers", [1, 2, 5])
def test_shapes_are_known_without_making_the_model(vocabulary_size: int, embedding_size: int, num_layers: int) -> None:
    config = ModelConfig(embedding_size=embedding_size, hidden_size=6, num_layers=num_layers)
    model = CharLSTM(vocabulary_size, config)
    expected = {name: tuple(p.shape) for name, p in model.state_dict().items()}
    assert tensor_shapes(vocabulary_size, config) == expected
    assert list(tensor_shapes(vocabulary_size, config)) == list(expected), "also in the same order"
    assert count_parameters(vocabulary_size, config) == model.parameters_count


def test_a_model_that_no_memory_holds_is_refused_before_it_is_made() -> None:
    config = ModelConfig(embedding_size=1, hidden_size=1, num_layers=1)
    fixed = count_parameters(0, config)
    most = (MAX_PARAMETERS - fixed) // 3  # one for the embedding, one for the head's weight, one for its bias
    refuse_too_large(most, config)
    with pytest.raises(ConfigError, match=r"at most 1,073,741,824 are possible; lower model.hidden_size"):
        refuse_too_large(most + 1, config)
    with pytest.raises(ConfigError, match=r"^a model of 8,592,031,808 parameters"):
        refuse_too_large(64, ModelConfig(embedding_size=8192, hidden_size=8192, num_layers=16))
