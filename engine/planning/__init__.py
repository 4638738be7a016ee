"""Stage 6: resolved -> plan. See :mod:`engine.planning.plan`."""
