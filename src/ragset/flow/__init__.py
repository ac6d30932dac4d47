"""Registry, compile, engine, run folder, report."""
