"""Every error a user can meet.

Each message is one sentence that says what is wrong, where in the model or file, and what to do.
The command prints it and exits with code 2; the Python API raises it.
"""


class MicroformerError(Exception):
    """Base of all errors that are the user's to mend."""


class ModelError(MicroformerError):
    """The model file is missing, broken, or says something that no transformer should."""


class UnsupportedOpError(ModelError):
    """The model has an operation, or a form of one, that microformer does not compile."""


class DataError(MicroformerError):
    """The samples are missing, empty, not finite, or of the wrong shape or type."""


class TargetError(MicroformerError):
    """The target is unknown, or the model does not fit into it."""


class DoesNotFitError(TargetError):
    """The linked program exceeds a memory of the target.

    ``memory`` is "flash" or "RAM", ``over_bytes`` by how much it is exceeded.
    """

    def __init__(self, message: str, memory: str, over_bytes: int) -> None:
        super().__init__(message)
        self.memory = memory
        self.over_bytes = over_bytes


class ToolError(MicroformerError):
    """An external tool (compiler, emulator) is missing or failed."""


class OutputError(MicroformerError):
    """The output folder exists already or cannot be written."""


class ArithmeticProofError(MicroformerError):
    """The no-overflow proof of a layer failed: its numbers do not fit 32 bits."""


class VerifyError(Exception):
    """A pass or stage broke the graph: a defect of microformer, never the user's fault.

    Shape, type or order of a graph is inconsistent; the message names the stage.
    """
