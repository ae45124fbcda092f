from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from charlstm.asked import ask
from charlstm.config import Config, load_config
from charlstm.errors import ConfigError
from charlstm.model.char_lstm import CharLSTM
from charlstm.runs.model_file import Facts
from charlstm.runs.saved_model import SavedModel
from charlstm.text.vocabulary import CharVocabulary
from charlstm.training.finetune import settle, take_weights

OLD, NEW = CharVocabulary("bdfh"), CharVocabulary("abcdefgh")


@pytest.mark.parametrize("embedding_size", [8, 0])
def test_with_known_characters_a_bigger_vocabulary_changes_nothing(
    make_model: Callable[..., CharLSTM], embedding_size: int
) -> None:
    trained = make_model(OLD.size, embedding_size=embedding_size)
    bigger = make_model(NEW.size, embedding_size=embedding_size)
    before = {name: p.clone() for name, p in bigger.state_dict().items()}
    take_weights(bigger, NEW, SavedModel(trained, OLD, Config(), Facts(1, 1, 1)))
    text = "fbdhhbfd"
    old, _ = trained(torch.from_numpy(OLD.encode(text).astype("int64"))[:, None])
    new, _ = bigger(torch.from_numpy(NEW.encode(text).astype("int64"))[:, None])
    torch.testing.assert_close(new[..., [NEW.symbols.index(c) for c in OLD.symbols]], old)
    unknown = [NEW.symbols.index(c) for c in NEW.symbols if c not in OLD.symbols]
    assert torch.equal(bigger.head.weight[unknown], before["head.weight"][unknown])


def test_what_the_trained_model_decides_cannot_be_asked_for_otherwise() -> None:
    trained = load_config(None, ["model.hidden_size=32", "model.dropout=0.5", "data.unit=byte"])
    settled = settle(ask(None, ["model.dropout=0.1", "model.hidden_size=32"]), trained, extend=False).config
    assert (settled.model.hidden_size, settled.model.dropout, settled.data.unit) == (32, 0.1, "byte")
    with pytest.raises(ConfigError, match=r"model.hidden_size = 64: the model to start from has 32"):
        settle(ask(None, ["model.hidden_size=64"]), trained, extend=False)
    with pytest.raises(ConfigError, match=r"data.unit = 'char': the model to start from has 'byte'"):
        settle(ask(None, ["data.unit=char"]), trained, extend=False)


def test_what_nobody_asked_for_is_as_the_trained_model_has_it_and_still_not_asked_for() -> None:
    trained = load_config(None, ["data.newlines=lf", "data.separator=--"])
    settled = settle(ask(None, ["data.newlines=keep", "train.epochs=3"]), trained, extend=False)
    assert (settled.config.data.newlines, settled.config.data.separator) == ("keep", "--")
    assert settled.has("train.epochs")
    assert not settled.has("train.batch_size"), "so that it is chosen by the text's length"
