"""`python -m charlstm`: the same command as `charlstm`."""

from charlstm.cli import main

if __name__ == "__main__":
    main()
