"""microformer: transformers on microcontrollers."""
