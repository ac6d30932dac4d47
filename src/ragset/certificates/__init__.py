"""Templates of the pages that a run leaves: filled by :mod:`ragset.kit.certificate`."""
