"""What Python programs and notebooks use: models that are loaded, runs, trainings. `charlstm` itself names all of it."""
