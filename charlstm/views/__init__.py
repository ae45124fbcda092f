"""Values in, text on a terminal out. The only rooms that import rich, tqdm and prompt_toolkit."""
