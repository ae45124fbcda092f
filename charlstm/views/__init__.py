"""Values in, something to see out: on a terminal, as a picture, as a page. Only here rich, tqdm and matplotlib are used."""
