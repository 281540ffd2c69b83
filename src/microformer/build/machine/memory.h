// The cluster's memories: their places, and what the cores and the DMA engine find in them.
#pragma once
#include <cstdint>
#include <cstring>
#include <vector>

namespace mf {

constexpr uint32_t L1_BASE = 0x10000000, L1_BYTES = 64 * 1024;
constexpr uint32_t EVENT_BASE = 0x10200000, DMA_BASE = 0x10201000, HOST_BASE = 0x10202000;
constexpr uint32_t DEVICE_BYTES = 0x1000;
constexpr uint32_t L2_BASE = 0x1C000000, L2_BYTES = 512 * 1024;
constexpr int BANKS = 16;        // of L1, a word wide, interleaved by words
constexpr int L2_LATENCY = 12;   // cycles from a core's request to its data
constexpr int WAKE_LATENCY = 2;  // cycles from an event to the data of the load that waits for it

inline bool in_l1(uint32_t address) { return address - L1_BASE < L1_BYTES; }
inline bool in_l2(uint32_t address) { return address - L2_BASE < L2_BYTES; }
inline bool in_device(uint32_t address) { return address - EVENT_BASE < 3 * DEVICE_BYTES; }
inline int bank_of(uint32_t address) { return (address >> 2) & (BANKS - 1); }

struct Memory {
  std::vector<uint8_t> l1 = std::vector<uint8_t>(L1_BYTES);
  std::vector<uint8_t> l2 = std::vector<uint8_t>(L2_BYTES + 8);

  // The byte at an address that in_l1 or in_l2 holds for; null elsewhere.
  uint8_t *at(uint32_t address) {
    if (in_l1(address)) return &l1[address - L1_BASE];
    if (in_l2(address)) return &l2[address - L2_BASE];
    return nullptr;
  }

  bool holds(uint32_t address, uint32_t size) const {
    return (in_l1(address) && size <= L1_BASE + L1_BYTES - address) ||
           (in_l2(address) && size <= L2_BASE + L2_BYTES - address);
  }

  uint32_t load(uint32_t address) {
    uint32_t word;
    std::memcpy(&word, at(address & ~3u), 4);
    return word;
  }

  void store(uint32_t address, uint32_t word, unsigned enables) {
    uint8_t *const place = at(address & ~3u);
    for (int i = 0; i < 4; i++)
      if (enables >> i & 1) place[i] = uint8_t(word >> (8 * i));
  }
};

// One winner a cycle among those that ask for a bank; the winner comes last the next time.
class RoundRobin {
 public:
  // The winner among the masters whose bits are set in `asking` (not 0).
  int grant(uint32_t asking) {
    const uint32_t later = asking & ~((2u << last_) - 1);
    last_ = __builtin_ctz(later ? later : asking);
    return last_;
  }

 private:
  int last_ = 30;
};

}  // namespace mf
