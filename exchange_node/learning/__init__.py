"""Weights, thresholds and estimates without labels, from each party's own register and small means."""
