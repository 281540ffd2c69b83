"""The vector instructions of Armv8.1-M (Helium) as the Cortex-M55 runs them.

No decoder in pip knows them, so the few fields that timing needs are read here: the pipe, the
registers, the latency. Masks are those of the Armv8-M Architecture Reference Manual; a test
compares each with what the assembler makes. Registers: 0 to 15, Q0 to Q7 are ``Q0 + n``.
"""

from microformer.run.timing.in_order import Issue

Pairs = tuple[tuple[int, int], ...]

Q0 = 100
_VPR = 120  # the predicate register
_BEATS = 2  # 128 bits on 64-bit pipes

# (mask, value, latency of the result): products, sums over a vector, comparisons
_TO_CORE = (  # they write a core register; accumulating or not
    (0xEFF30F71, 0xEEE20F00, 4),  # VMAXV, VMINV
    (0xEFF31FD1, 0xEEF10F00, 2),  # VADDV, VADDVA
    (0xEFF01ED1, 0xEEF00E00, 2),  # VMLADAV, VMLADAVA
)
_PRODUCTS = (
    (0xFFC11FF1, 0xEF000950, 2),  # VMUL
    (0xFFC11FF2, 0xEE011E60, 2),  # VMUL by a core register
    (0xFFC10FF2, 0xEE010E40, 2),  # VMLA, VMLAS by a core register
    (0xEF810F51, 0xEE010E01, 2),  # VMULH, VRMULH
)
_LONG_SUM = (0xEF800F51, 0xEE800E00)  # VMLALDAV, VMLALDAVA: 64 bits in two core registers
_COMPARE = (0xFFC1EF70, 0xFE010F00)
_VPST = (0xFFBF1FFF, 0xFE310F4D)
_VCTP = (0xFFC0FFFF, 0xF000E801)
_LANES = (0xFFF01FE0, 0xEC100F00)  # two core registers to two lanes
_DUPLICATE = (0xFFB10F50, 0xEEA00B10)  # VDUP of a core register; its vector stands where n does
_PREDICATE_MOVES = (0xFFEF0FFF, 0xEEED0A10)  # VMSR, VMRS of P0


def is_vector(word: int) -> bool:
    """True for what the vector and floating-point unit does, of a 32-bit instruction."""
    return word >> 24 & 0xEC == 0xEC or _is(word, _VCTP)


def issue(word: int) -> Issue:
    """What the scoreboard needs of one vector instruction."""
    d, n, m = (Q0 + (word >> shift & 7) for shift in (13, 17, 1))
    if _is(word, _VCTP):
        return Issue(("system",), ((word >> 16 & 15, 0),), ((_VPR, 1),), alone=True)
    if _is(word, _LANES):
        target = Q0 + (word >> 13 & 7)
        lanes: Pairs = ((word & 15, 0), (word >> 16 & 15, 0), (target, 0))
        return _vector("integer", lanes, ((target, 1),))
    if word >> 25 & 0x7F in (0b1110110, 0b1111110):
        return _memory(word)
    if _is(word, _VPST):
        return Issue(("system",), ((_VPR, 0),), ((_VPR, 1),), alone=True)
    if _is(word, _PREDICATE_MOVES):
        return Issue(("system",), ((_VPR, 0), (word >> 12 & 15, 0)), ((_VPR, 1),), alone=True)
    for mask, value, latency in _TO_CORE:
        if word & mask == value:
            # VMAXV names any register, the others even ones
            core = word >> 12 & (15 if latency == 4 else 14)
            pipe = "integer" if latency == 4 else "product"
            # a sum is forwarded to the next that adds to it
            operands: Pairs = ((n, 0), (m, 0), (_VPR, 0), (core, 0))
            return _vector(pipe, operands, ((core, latency),))
    if _is(word, _LONG_SUM):
        low, high = word >> 12 & 14, (word >> 20 & 7) * 2 + 1
        both: Pairs = ((n, 0), (m, 0), (_VPR, 0), (low, 0), (high, 0))
        return _vector("product", both, ((low, 2), (high, 2)))
    if _is(word, _COMPARE):
        return _vector("product", ((n, 0), (m, 0)), ((_VPR, 1),))
    if _is(word, _DUPLICATE):
        return _vector("integer", ((word >> 12 & 15, 0),), ((n, 1),))
    reads: Pairs = ((d, 0), (n, 0), (m, 0), (_VPR, 0), *_core_operands(word))
    for mask, value, latency in _PRODUCTS:
        if word & mask == value and word >> 20 & 3 != 3:  # else a shift by a core register
            return _vector("product", reads, ((d, latency),))
    return _vector("integer", reads, ((d, 2),))  # the slower of what LLVM says of that pipe


def _core_operands(word: int) -> Pairs:
    """A core register that an operation takes beside vectors."""
    return ((word & 15, 0),) if word >> 24 == 0xEE and word & 0x40 else ()


def _memory(word: int) -> Issue:
    """Loads and stores of a vector, by address or by a vector of offsets; VPUSH, VPOP."""
    base, load = word >> 16 & 15, word >> 20 & 1
    if word >> 8 & 15 in (10, 11):  # of floating-point registers, 64 bits each
        count = max((word & 255) // 2, 1)
        return Issue(("memory",), ((base, 0),), ((base, 1),), alone=True, cycles=count)
    writes_back, indexed = word >> 21 & 1, word >> 24 & 1
    data = Q0 + (word >> 13 & 7)
    gathers = not writes_back and not indexed
    reads: Pairs = ((base, 0), (_VPR, 0)) if load else ((base, 0), (data, 0), (_VPR, 0))
    if gathers:
        reads = (*reads, (Q0 + (word >> 1 & 7), -4))
    writes = ((data, 2 if gathers else 1),) if load else ()
    updated = ((base, 1),) if writes_back else ()
    return _vector("memory", reads, (*writes, *updated))


def _vector(pipe: str, reads: Pairs, writes: Pairs) -> Issue:
    return Issue((pipe,), reads, writes, alone=True, holds=_BEATS)


def _is(word: int, what: tuple[int, int]) -> bool:
    return word & what[0] == what[1]
