"""The data that flows between the stages. Imports nothing else of microformer."""
