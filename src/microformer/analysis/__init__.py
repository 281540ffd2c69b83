"""Algorithms over the data of ``graph`` that several stages share."""
