"""The linker script of a microcontroller: which section lies in which of its memories."""

from importlib import resources

from microformer.targets.memories import Memory
from microformer.targets.target import Target

SCRIPT = "bare_metal.ld.in"


def linker_script(target: Target, *, stack_bytes: int, second_arena: bool) -> str:
    """``bare_metal.ld.in`` filled in for ``target``, its weights where it wants them.

    ``second_arena``: a section .ram2 is in its second RAM.
    """
    flash, ram, weights = target.code_memory()[1], target.data_memory()[1], target.weights_memory()
    second = target.second_ram() if second_arena else None
    regions: dict[Memory, str] = {flash: "FLASH", ram: "RAM"}
    for memory in (second, weights):
        if memory is not None and memory not in regions:
            regions[memory] = f"MEM_{memory.name}"
    kinds = {flash: "rx", ram: "rwx"}
    lines = [
        f"  {name} ({kinds.get(memory, 'rwx')}) : ORIGIN = {memory.origin:#010x}, "
        f"LENGTH = {memory.size_bytes:#x}"
        for memory, name in regions.items()
    ]
    values = {
        "REGIONS": "\n".join(lines),
        "STACK_BYTES": str(stack_bytes),
        "SECOND": f".ram2 (NOLOAD) : {{ *(.ram2) }} > {regions[second]}" if second else "",
        "WEIGHTS": _weights(regions[weights], copied=weights.volatile) if weights else _NONE,
    }
    script = resources.files("microformer.targets").joinpath(SCRIPT).read_text("utf-8")
    for key, value in values.items():
        script = script.replace(f"@{key}@", value)
    return script


_NONE = """/* the constants lie in FLASH, among .rodata */
  mf_weights_start = 0;
  mf_weights_end = 0;
  mf_weights_load = 0;"""
_COPIED = """.mf_weights :
  {
    . = ALIGN(8);
    mf_weights_start = .;
    KEEP(*(.mf_weights))
    . = ALIGN(8);
    mf_weights_end = .;
  } > @REGION@ AT > FLASH
  mf_weights_load = LOADADDR(.mf_weights);"""
_KEPT = """.mf_weights : { KEEP(*(.mf_weights)) } > @REGION@
  mf_weights_start = 0;
  mf_weights_end = 0;
  mf_weights_load = 0;"""


def _weights(region: str, *, copied: bool) -> str:
    """Constants in a memory of their own; start-up copies them there if it forgets."""
    return (_COPIED if copied else _KEPT).replace("@REGION@", region)
