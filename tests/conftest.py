"""Makes ``tests/`` importable, so that test modules share ``models`` and what lies beside it."""
