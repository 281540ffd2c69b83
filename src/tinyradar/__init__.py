"""tinyradar: hand gestures from a 60 GHz radar, the use case of microformer.

``simulate`` writes recordings of a simulated radar, ``dataset`` reads these and the real ones,
``models`` holds TinyRadarNN and the TinyRadar Transformer, ``train`` trains them on folds grouped
by person, ``reproduce`` sends both through microformer and prints one table, ``watch`` plays
recordings in a browser with what the 8-bit program says of them. Torch is imported by the last
four only.
"""
