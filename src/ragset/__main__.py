"""``python -m ragset`` is ``ragset``."""

from __future__ import annotations

from ragset.cli import main

if __name__ == "__main__":
    main()
