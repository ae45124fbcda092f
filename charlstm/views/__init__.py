"""Values in, something to see out: on a terminal, as a picture, as a page. The only importers of rich, tqdm, prompt_toolkit, matplotlib."""
