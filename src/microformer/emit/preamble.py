"""What stands in front of the layers: checks of the compiler, how layers are declared."""

from microformer.graph.kernel_graph import KernelGraph
from microformer.kernels.registry import kernel_of

FEATURES = {"mve": "__ARM_FEATURE_MVE", "dsp": "__ARM_FEATURE_DSP"}
"""What a compiler defines where the core has an instruction set."""


def preamble(graph: KernelGraph, *, general: bool) -> list[str]:
    """Lines of C; with ``general`` kernels are declared for any shape too."""
    lines = _checks(graph)
    lines += [
        "",
        "/* Each layer is a function of its own, so that a profiler can tell them apart. */",
        "/* flatten: the kernel's code is specialised for the shapes written here */",
        "#if defined(__clang__)",
        "#define MF_LAYER __attribute__((noinline, flatten)) static void",
        "#elif defined(__GNUC__) /* noipa: at -Os GCC 12 drops layers that it takes as dead */",
        "#define MF_LAYER __attribute__((noipa, flatten)) static void",
        "#else",
        "#define MF_LAYER static void",
        "#endif",
        "",
    ]
    if general:
        lines += [
            "#if defined(__GNUC__)",
            "#define MF_ANY __attribute__((noinline)) static void",
            "#else",
            "#define MF_ANY static void",
            "#endif",
            "",
        ]
    return lines


def _checks(graph: KernelGraph) -> list[str]:
    """What the C stops at: an arena that is not aligned, a compiler that may not be asked."""
    lines = [
        "",
        "#if defined(MF_DEBUG) /* the Debug configuration of CMakeLists.txt sets it */",
        "#include <assert.h>",
        "#define MF_ASSERT(CONDITION) assert(CONDITION)",
        "#else",
        "#define MF_ASSERT(CONDITION) ((void)0)",
        "#endif",
    ]
    if not graph.target.is_cluster:
        lines += [
            "",
            "#if defined(MF_PROFILE) /* a firmware that measures itself: before each layer */",
            "extern void mf_layer(int32_t number); /* with their count, behind the last */",
            "#define MF_LAYER_AT(NUMBER) mf_layer(NUMBER)",
            "#else",
            "#define MF_LAYER_AT(NUMBER) ((void)0)",
            "#endif",
        ]
    if graph.target.needs_unaligned_access:
        lines += [
            "",
            "#if defined(__GNUC__) && defined(__arm__) && !defined(__ARM_FEATURE_UNALIGNED)",
            '#error "these kernels need unaligned access: leave -mno-unaligned-access out"',
            "#endif",
        ]
    return [*lines, *_features(graph)]


def _features(graph: KernelGraph) -> list[str]:
    """A stop where the compiler lacks the instructions that the kernels were chosen for.

    Only on the core's own architecture: elsewhere, as on a computer, all of it is plain C.
    """
    used = {kernel_of(call.symbol).isa for call in graph.calls}
    needed = next((FEATURES[isa] for isa in ("mve", "dsp") if isa in used), None)
    flags = " ".join(graph.target.gcc_flags)
    if needed is None or not flags:
        return []
    return [
        "",
        f"#if defined(__GNUC__) && defined(__arm__) && !defined({needed})",
        f'#error "compile for the core that the kernels were chosen for: {flags}"',
        "#endif",
    ]
