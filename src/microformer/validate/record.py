"""What a board said of itself: one whole round of its firmware."""

from dataclasses import dataclass, field

from microformer.errors import ToolError
from microformer.validate.lines import Broken, Line

_HELLO_FIELDS = 10


@dataclass(frozen=True)
class Hello:
    """The first line of a round."""

    model: str
    board: str
    digest: str
    inputs: str
    samples: int
    layers: int
    output_bytes: int
    clock_hz: int
    counter: str
    round: int

    @classmethod
    def of(cls, line: Line) -> "Hello | None":
        """None where the fields are not those of a hello."""
        if len(line.fields) != _HELLO_FIELDS:
            return None
        model, board, digest, inputs, *numbers, counter, around = line.fields
        try:
            samples, layers, output_bytes, clock_hz = map(int, numbers)
            return cls(
                *(model, board, digest, inputs, samples, layers, output_bytes, clock_hz),
                *(counter, int(around)),
            )
        except ValueError:
            return None


@dataclass
class Round:
    """What came between a hello and its end."""

    hello: Hello
    outputs: dict[int, dict[int, bytes]] = field(default_factory=dict)
    cycles: dict[int, dict[int, int]] = field(default_factory=dict)
    totals: dict[int, int] = field(default_factory=dict)
    broken: list[Broken] = field(default_factory=list)
    complete: bool = False

    def take(self, line: Line) -> None:
        """A line of the round; one whose fields make no sense is broken."""
        try:
            match line.kind, line.fields:
                case "out", (sample, offset, data):
                    self.outputs.setdefault(int(sample), {})[int(offset)] = bytes.fromhex(data)
                case "cyc", (sample, layer, cycles):
                    self.cycles.setdefault(int(sample), {})[int(layer)] = int(cycles)
                case "tot", (sample, cycles, _own):
                    self.totals[int(sample)] = int(cycles)
                case "end", (_samples,):
                    self.complete = True
                case _:
                    raise ValueError
        except ValueError:
            text = " ".join((line.kind, *line.fields))[:60]
            self.broken.append(Broken(line.number, "is none that the protocol knows", text))

    def output(self, sample: int) -> bytes | None:
        """All output bytes of a sample, None where some are missing."""
        parts, made = self.outputs.get(sample, {}), b""
        while len(made) in parts and parts[len(made)]:
            made += parts[len(made)]
        return made if len(made) == self.hello.output_bytes else None

    def missing(self) -> list[str]:
        """What should have come and did not."""
        hello = self.hello
        found = []
        for sample in range(hello.samples):
            if self.output(sample) is None:
                found.append(f"output bytes of sample {sample}")
            there = self.cycles.get(sample, {})
            gone = [layer for layer in range(hello.layers) if layer not in there]
            if gone:
                found.append(f"cycles of sample {sample}, layer {gone[0]}")
            if sample not in self.totals:
                found.append(f"the total of sample {sample}")
        return found


def first_round(lines: "list[Line | Broken]") -> Round:
    """The first round that is whole, else the first that began. ToolError if none did."""
    rounds: list[Round] = []
    stray: list[Broken] = []
    for line in lines:
        if isinstance(line, Broken):
            (rounds[-1].broken if rounds and not rounds[-1].complete else stray).append(line)
        elif line.kind == "hello":
            hello = Hello.of(line)
            if hello is not None:
                rounds.append(Round(hello))
        elif rounds and not rounds[-1].complete:
            rounds[-1].take(line)
    if not rounds:
        hint = f"; {stray[0]}" if stray else ""
        raise ToolError(
            "No firmware of ours spoke: not one whole 'hello' line came. Check the port, its "
            f"speed, and that the board runs what 'microformer export --firmware' built{hint}."
        )
    whole = [r for r in rounds if r.complete and not r.missing() and not r.broken]
    return whole[0] if whole and not any(r.broken for r in rounds) else rounds[0]
