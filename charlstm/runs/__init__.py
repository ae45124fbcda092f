"""What a run leaves on the disk: the folder, the model file, the records."""
