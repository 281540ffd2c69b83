"""Every error a user of tinyradar can meet: one sentence, printed by the command, exit code 2."""


class RadarError(Exception):
    """Base of all errors that are the user's to mend."""


class RecordingError(RadarError):
    """A recording is missing a file, is short, or its files contradict each other."""


class DatasetError(RadarError):
    """A folder or cache is not what it should be, or holds nothing that can be used."""


class TrainingError(RadarError):
    """A checkpoint does not belong to the run that wants to go on from it."""
