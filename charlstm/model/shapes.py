"""The tensors that a model consists of, and how many numbers they hold, without making it.

Shapes: V vocabulary, E embedding, H hidden.

Knows: names and shapes, and which models are too large to be meant.
Does not know: torch, values.
"""

from __future__ import annotations

import math

from charlstm.config import ModelConfig
from charlstm.errors import Argument, ConfigError

MAX_PARAMETERS = 2**30
"""Four gigabytes of weights, and three times that in training: more is a slip, or a file that means harm."""
_SIZES = (Argument("model.hidden_size"), ", ", Argument("model.num_layers"), " or ", Argument("model.embedding_size"))


def tensor_shapes(vocabulary_size: int, config: ModelConfig) -> dict[str, tuple[int, ...]]:
    """The names and shapes in the model's `state_dict`, without making it: V, E, H may be of any size."""
    V, E, H = vocabulary_size, config.embedding_size, config.hidden_size
    shapes: dict[str, tuple[int, ...]] = {"embedding.weight": (V, E)} if E else {}
    for layer in range(config.num_layers):
        inputs = H if layer else E or V
        shapes |= {f"lstm.weight_ih_l{layer}": (4 * H, inputs), f"lstm.weight_hh_l{layer}": (4 * H, H)}
        shapes |= {f"lstm.bias_ih_l{layer}": (4 * H,), f"lstm.bias_hh_l{layer}": (4 * H,)}
    return shapes | {"head.weight": (V, H), "head.bias": (V,)}


def count_parameters(vocabulary_size: int, config: ModelConfig) -> int:
    """How many numbers such a model would learn, without making it.

    >>> count_parameters(65, ModelConfig())
    3457729
    """
    return sum(map(math.prod, tensor_shapes(vocabulary_size, config).values()))


def refuse_too_large(vocabulary_size: int, config: ModelConfig) -> None:
    """ConfigError where such a model would have more than MAX_PARAMETERS."""
    count = count_parameters(vocabulary_size, config)
    if count > MAX_PARAMETERS:
        raise ConfigError(
            f"a model of {count:,} parameters for {vocabulary_size:,} symbols: at most {MAX_PARAMETERS:,} are possible",
            remedy=("lower ", *_SIZES),
        )
