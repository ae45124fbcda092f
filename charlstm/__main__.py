"""`python -m charlstm`: the same command as `charlstm`."""

import sys

from charlstm.cli import main

if __name__ == "__main__":
    sys.exit(main())
