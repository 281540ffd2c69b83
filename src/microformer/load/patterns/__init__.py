"""One file a pattern: each exports passes over the graph."""
