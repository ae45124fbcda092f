"""What a text costs a model: losses, surprise, which model explains it."""
