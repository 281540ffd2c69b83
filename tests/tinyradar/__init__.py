"""Tests of tinyradar."""
