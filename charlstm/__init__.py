"""charlstm: train a character-level LSTM on any text, and write more of it.

Importing the package imports nothing heavy.
"""

__version__ = "0.1.0"
