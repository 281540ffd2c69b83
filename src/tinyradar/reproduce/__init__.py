"""One table: both networks on simulated gestures, float and int8, on each target."""
