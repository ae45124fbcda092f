from __future__ import annotations

import types
import typing
from collections.abc import Sequence
from typing import Any, get_args, get_origin, get_type_hints

import pytest

from charlstm.api.settings import SECTION_OF, GenerationSettings, TrainingSettings, in_sections
from charlstm.config import Config, SampleConfig
from charlstm.errors import ConfigError


def all_settings() -> list[str]:
    return [key for _, section in Config() for key in type(section).model_fields]


def test_no_two_sections_have_a_setting_of_one_name() -> None:
    assert len(all_settings()) == len(set(all_settings())) == len(SECTION_OF) + 1  # data.text


def test_the_keywords_are_the_settings() -> None:
    assert set(get_type_hints(TrainingSettings)) == set(all_settings()) - {"text"}
    assert set(get_type_hints(GenerationSettings)) == set(SampleConfig.model_fields) - {"prime"}


@pytest.mark.parametrize(("name", "hint"), get_type_hints(TrainingSettings).items())
def test_each_keyword_has_the_type_of_its_setting(name: str, hint: Any) -> None:
    section = Config.model_fields[SECTION_OF[name]].annotation
    setting = section.model_fields[name].annotation  # type: ignore[union-attr]
    if get_origin(setting) is tuple:
        assert hint == str | Sequence[str]
    elif isinstance(setting, types.UnionType) or get_origin(setting) is typing.Literal:
        assert set(get_args(hint)) == set(get_args(setting))
    else:
        assert hint is setting


def test_an_unknown_keyword_is_named_with_the_nearest() -> None:
    with pytest.raises(ConfigError) as caught:
        in_sections({"learning_rte": 0.1})
    assert (caught.value.key, caught.value.value) == ("learning_rte", 0.1)
    assert str(caught.value) == "learning_rte=0.1: no such setting; did you mean learning_rate?"
