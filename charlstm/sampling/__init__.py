"""From a model to text: engines, controls, the loop."""
