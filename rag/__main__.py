"""`python -m rag`; `rag/cli/` has the commands."""

import sys

from rag.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
