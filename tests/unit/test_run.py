"""Stage ``run`` on every target: outputs, counts, and programs that misbehave."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from microformer.build import build
from microformer.errors import DataError, ToolError
from microformer.graph.project import CProject, Image, RunResult
from microformer.graph.tensor import Array
from microformer.run import run
from microformer.targets import TARGETS, QemuRunner, Target
from tests.unit.programs import INPUTS, OUTPUTS, body, project, toy, toy_reference, toy_samples

HERE = {
    name: target
    for name, target in TARGETS.items()
    if not isinstance(target.runner, QemuRunner) or shutil.which(target.runner.program) is not None
}
CORES = [t for t in HERE.values() if not t.is_host]
HOST, M0, M4 = TARGETS["host"], TARGETS["cortex-m0plus"], TARGETS["cortex-m4"]
ONE = np.ones((1, INPUTS), np.int8)


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Image]:
    """The toy, built for every target."""
    folder = tmp_path_factory.mktemp("toy")
    return {name: build(toy(), target, folder) for name, target in TARGETS.items()}


def attempt(made: CProject, target: Target, folder: Path, x: Array = ONE) -> RunResult:
    """Build and run, with little patience for a hang."""
    return run(made, build(made, target, folder), x, target, limit_seconds=1.0)


@pytest.mark.parametrize("name", HERE)
def test_outputs_on_every_target(images: dict[str, Image], name: str) -> None:
    x = toy_samples(50)
    seen: list[tuple[int, int]] = []
    result = run(
        toy(), images[name], x, TARGETS[name], progress=lambda done, n: seen.append((done, n))
    )
    assert result.outputs.dtype == np.int8
    np.testing.assert_array_equal(result.outputs, toy_reference(x))
    if TARGETS[name].is_cluster or isinstance(TARGETS[name].runner, QemuRunner):  # now and then
        assert seen[-1] == (50, 50) and seen == sorted(seen)
    else:
        assert seen == [(i + 1, 50) for i in range(50)]
    assert result.wall_seconds > 0


def test_what_each_target_reports(images: dict[str, Image]) -> None:
    x = toy_samples(3)
    for target in HERE.values():
        result = run(toy(), images[target.name], x, target)
        if target.is_host:
            assert (result.cycles, result.cycles_kind, result.instructions) == (None, "host", None)
            assert result.layers == () and result.stack_bytes is None
            continue
        assert result.instructions is not None and result.stack_bytes is not None
        parts = [layer.instructions or 0 for layer in result.layers]
        assert [layer.symbol for layer in result.layers] == ["layer_00_dot", "layer_01_add"]
        assert min(parts) > 0 and 0 < result.instructions - sum(parts) < 40 * target.cores
        assert 8 <= result.stack_bytes <= 128
        if target.is_cluster:
            assert result.cycles is not None and result.cycles_kind == "cycle-exact"
            assert len(result.cores) == target.cores
        elif target is M4:
            assert result.cycles is not None and result.cycles_kind == "estimate"
            cycles = [layer.cycles or 0 for layer in result.layers]
            assert all(c > i for c, i in zip(cycles, parts, strict=True))
            assert 0 < result.cycles - sum(cycles) < 60
        elif target.timing is not None:
            assert result.cycles is not None and result.cycles_kind == "estimate"
        else:
            assert (result.cycles, result.cycles_kind) == (None, None)
            assert {layer.cycles for layer in result.layers} == {None}


def test_counts_do_not_depend_on_how_many_samples_follow(images: dict[str, Image]) -> None:
    x = toy_samples(4)
    one = run(toy(), images["cortex-m4"], x[:1], M4)
    four = run(toy(), images["cortex-m4"], x, M4)
    assert (one.cycles, one.layers) == (four.cycles, four.layers)


def test_without_profile_there_are_outputs_only(images: dict[str, Image]) -> None:
    x = toy_samples(3)
    result = run(toy(), images["cortex-m4"], x, M4, profile=False)
    np.testing.assert_array_equal(result.outputs, toy_reference(x))
    assert (result.cycles, result.cycles_kind, result.instructions) == (None, None, None)
    assert result.layers == () and result.stack_bytes is not None


def test_the_sanitized_program_computes_the_same(tmp_path: Path) -> None:
    x = toy_samples(9)
    image = build(toy(), HOST, tmp_path, sanitize=True)
    np.testing.assert_array_equal(run(toy(), image, x, HOST).outputs, toy_reference(x))


def test_ziglang_stands_in_where_there_is_no_compiler(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda _name: None)
    x = toy_samples(9)
    np.testing.assert_array_equal(attempt(toy(), HOST, tmp_path, x).outputs, toy_reference(x))


@pytest.mark.parametrize("name", HERE)
def test_tokens_are_32_bit(tmp_path: Path, name: str) -> None:
    made = project(
        '#include "toy.h"\nvoid toy_run(const int32_t *in, int8_t *out, void *arena) {\n'
        "  (void)arena;\n  out[0] = (int8_t)(in[0] >> 20);\n  out[1] = (int8_t)(in[1] & 127);\n}\n",
        input_dtype="int32",
        input_size=2,
        output_size=2,
        arena_bytes=0,
    )
    files = {n: t.replace("const int8_t *in", "const int32_t *in") for n, t in made.files.items()}
    x = np.array([[-(2**26), 5], [2**26, 6]], np.int32)
    result = attempt(replace(made, files=files), TARGETS[name], tmp_path, x)
    assert result.outputs.tolist() == [[-64, 5], [64, 6]]


def test_stack_is_measured(tmp_path: Path) -> None:
    def used(size: int) -> int:
        text = f"volatile int8_t big[{size}]; for (int32_t i = 0; i < {size}; i++) big[i] = in[0];"
        stack = attempt(body(f"{text} out[0] = big[3];"), M4, tmp_path / str(size)).stack_bytes
        assert stack is not None
        return stack

    assert used(1000) - used(600) == 400
    assert 600 <= used(600) < 700


MISBEHAVIOUR = {
    "hang": ('for (;;) { __asm volatile("nop"); }', r"layer_00_only.*still there after 1 s"),
    "read": ("out[0] = *(volatile int8_t *)0x60000010;", r"reads 1 bytes at 0x60000010"),
    "write": ("*(volatile int32_t *)0x60000010 = in[0];", r"writes 4 bytes at 0x60000010"),
    "null": ("out[0] = *(volatile int8_t *)(in[0] * 16);", r"reads 1 bytes at 0x00000010"),
    "flash": ("*(volatile int8_t *)(uintptr_t)0x10000000 = 1;", "writes 1 bytes at 0x10000000"),
    "jump": ("((void (*)(void))0x60000011)();", "(jumps to|a jump to)"),
    "data": ("((void (*)(void))(uintptr_t)(a + 1))();", "jumps to 0x2000"),
    "breakpoint": ('__asm volatile("bkpt 1");', "a breakpoint"),
    "undefined": ("__builtin_trap();", "(?i)invalid instruction"),
    "stack": (
        "volatile int8_t b[3000]; for (int32_t i = 2999; i >= 0; i--) b[i] = in[0]; out[0] = b[1];",
        "its stack is too small",
    ),
    "input": ("((volatile int8_t *)(uintptr_t)in)[3] = 77;", "wrote into its input"),
}


@pytest.mark.parametrize("name", MISBEHAVIOUR)
def test_a_core_reports_what_went_wrong(tmp_path: Path, name: str) -> None:
    statements, says = MISBEHAVIOUR[name]
    with pytest.raises(ToolError, match=says) as caught:
        attempt(body(statements), M0, tmp_path)
    if name not in ("input", "jump", "data"):
        assert "layer_00_only" in str(caught.value) or "toy_run" in str(caught.value)
        assert "0x1000" in str(caught.value)  # the place in the program


def test_a_fault_in_a_later_sample_names_the_sample(tmp_path: Path) -> None:
    x = np.ones((3, INPUTS), np.int8)
    x[2, 0] = 5
    made = body("if (in[0] == 5) { out[1] = *(volatile int8_t *)0x60000000; } out[0] = in[0];")
    with pytest.raises(ToolError, match=r"sample 2.*0x60000000"):
        attempt(made, M4, tmp_path, x)


@pytest.mark.parametrize(
    ("statements", "says"),
    [
        (f"((volatile int8_t *)a)[{4 * OUTPUTS}] = 1;", "outside of its arena"),
        ("((volatile int8_t *)a)[-1] = 1;", "outside of its arena"),
        (f"((volatile int8_t *)out)[{OUTPUTS}] = 1;", "outside of its output"),
        ("((volatile int8_t *)out)[-1] = 1;", "outside of its output"),
        ("((volatile int8_t *)(uintptr_t)in)[3] = 77;", "wrote into its input"),
    ],
)
def test_the_host_sees_writes_out_of_bounds(tmp_path: Path, statements: str, says: str) -> None:
    with pytest.raises(ToolError, match=says):
        attempt(body(statements), HOST, tmp_path)


@pytest.mark.parametrize(
    ("statements", "says"),
    [
        (f"out[0] = ((volatile int8_t *)a)[{4 * OUTPUTS}];", "heap-buffer-overflow"),
        (f"out[0] = ((const volatile int8_t *)in)[{INPUTS}];", "heap-buffer-overflow"),
        (f"((volatile int8_t *)out)[{OUTPUTS}] = 1;", "heap-buffer-overflow"),
        ("volatile int32_t x = 2147483647; x += in[0]; out[0] = (int8_t)x;", "signed integer"),
        ("volatile int32_t x = 33; out[0] = (int8_t)(1 << x);", "shift exponent"),
    ],
)
def test_the_sanitizers_see_reads_and_overflows(tmp_path: Path, statements: str, says: str) -> None:
    image = build(body(statements), HOST, tmp_path, sanitize=True)
    with pytest.raises(ToolError, match=says):
        run(body(statements), image, ONE, HOST)


def test_what_the_arena_holds_before_is_seen_in_the_output(tmp_path: Path) -> None:
    """An inference that reads what it did not write differs from sample to sample."""
    made = body("out[0] = a[5];")
    for target in (HOST, M4):
        outputs = attempt(made, target, tmp_path, np.ones((2, INPUTS), np.int8)).outputs
        assert outputs[0, 0] != outputs[1, 0]


def test_alignment(tmp_path: Path) -> None:
    """A word read from an odd address: legal on the M4, a fault on the M0+; LDM is one on both."""
    word = body("out[0] = (int8_t) * (volatile int32_t *)(uintptr_t)(in + in[0]);")
    many = body(
        '__asm volatile("adds %0, #1\\n ldm %0!, {r2, r3}" : "+l"(in) : : "r2", "r3"); out[0] = 1;'
    )
    for made, target, faults in ((word, M0, True), (word, M4, False), (many, M4, True)):
        image = build(made, target, tmp_path / f"{target.name}{id(made)}")
        run(made, image, ONE, target)  # the emulator itself does not mind
        if not faults:
            run(made, image, ONE, target, check_alignment=True)
            continue
        with pytest.raises(ToolError, match=r"layer_00_only.*accesses (4 bytes|words).*unaligned"):
            run(made, image, ONE, target, check_alignment=True)


@pytest.mark.parametrize("target", CORES, ids=lambda t: t.name)
def test_the_toy_is_aligned(images: dict[str, Image], target: Target) -> None:
    x = toy_samples(2)
    result = run(toy(), images[target.name], x, target, check_alignment=True)
    np.testing.assert_array_equal(result.outputs, toy_reference(x))


def test_wrong_inputs_are_refused(images: dict[str, Image]) -> None:
    for wrong in (np.ones(INPUTS, np.int8), np.ones((2, 3), np.int8), ONE[:0]):
        with pytest.raises(DataError, match="samples of 24 values"):
            run(toy(), images["host"], wrong, HOST)
    with pytest.raises(DataError, match="takes int8 and was given float64"):
        run(toy(), images["host"], ONE.astype(float), HOST)


def test_an_image_of_something_else_is_refused(images: dict[str, Image], tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="built for cortex-m4, not for cortex-m7"):
        run(toy(), images["cortex-m4"], ONE, TARGETS["cortex-m7"])
    wrong = tmp_path / "toy.elf"
    wrong.write_bytes(b"not an ELF")
    with pytest.raises(ToolError, match="not a program of ours"):
        run(toy(), replace(images["cortex-m4"], path=wrong), ONE, M4)
    with pytest.raises(ToolError, match="cannot be loaded"):
        run(toy(), replace(images["host"], path=tmp_path / "none.so"), ONE, HOST)


def test_libraries_of_one_name_are_told_apart(tmp_path: Path) -> None:
    """The second file gets the first one's inode, as a new temporary file easily does."""
    outputs = []
    path = tmp_path / "same.so"
    for value in (1, 2):
        made = body(f"out[0] = {value};")
        image = build(made, HOST, tmp_path / str(value))
        path.write_bytes(image.path.read_bytes())  # the same inode, other bytes
        outputs.append(int(run(made, replace(image, path=path), ONE, HOST).outputs[0, 0]))
    assert outputs == [1, 2]
