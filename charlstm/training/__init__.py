"""From a text to a trained model: the step, the loop, saves."""
