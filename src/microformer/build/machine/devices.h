// The event unit and the DMA engine, as a core sees them: registers that are read and written in
// one cycle, and loads that wait (docs/cluster.md has the table of registers).
#pragma once
#include <deque>

#include "memory.h"

namespace mf {

// Barrier, and the dispatch of a task from core 0 to the others.
class EventUnit {
 public:
  explicit EventUnit(int cores) : cores_(cores) {}

  // A core arrives at the barrier; the last one opens it for all, in the same cycle.
  void arrive(int core) {
    waiting_ |= 1u << core;
    if (waiting_ == (1u << cores_) - 1) {
      passed_ = waiting_;
      waiting_ = 0;
    }
  }
  bool may_pass(int core) { return take(passed_, core); }

  void dispatch(uint32_t task) {
    task_ = task;
    offered_ = ((1u << cores_) - 1) & ~1u;
  }
  bool may_begin(int core) { return take(offered_, core); }
  uint32_t task() const { return task_; }

 private:
  static bool take(uint32_t &bits, int core) {
    const bool found = bits >> core & 1;
    bits &= ~(1u << core);
    return found;
  }
  int cores_;
  uint32_t waiting_ = 0, passed_ = 0, offered_ = 0, task_ = 0;
};

// Copies between L1 and L2, in order. A transfer costs DMA_START cycles, then a cycle for each
// piece of at most 8 bytes that is aligned to 8 on the side of L1, and DMA_ROW more for each row
// but the first. Its words in L1 are arbitrated for like a core's.
constexpr int DMA_START = 24, DMA_ROW = 2, DMA_QUEUE = 16;

struct Transfer {
  uint32_t source, target, width, rows, source_stride, target_stride;
};

class Dma {
 public:
  uint32_t started = 0, done = 0;
  uint64_t busy_cycles = 0, bytes = 0;
  Transfer command[16] = {};  // what each core has written so far

  bool full() const { return queue_.size() >= DMA_QUEUE; }
  bool busy() const { return !queue_.empty(); }

  void start(const Transfer &transfer) {
    queue_.push_back(transfer);
    started++;
    if (queue_.size() == 1) wait_ = DMA_START;
  }

  // Address in L1 of the piece that is due in this cycle, 0 if none is.
  uint32_t wants() {
    if (queue_.empty()) return 0;
    busy_cycles++;
    if (wait_ > 0) {
      wait_--;
      return 0;
    }
    const Transfer &t = queue_.front();
    return (in_l1(t.source) ? t.source : t.target) + column_;
  }

  uint32_t piece() const {
    const Transfer &t = queue_.front();
    const uint32_t near = (in_l1(t.source) ? t.source : t.target) + column_;
    const uint32_t room = 8 - (near & 7), left = t.width - column_;
    return room < left ? room : left;
  }

  // The banks were granted: move the piece.
  void move(Memory &memory) {
    Transfer &t = queue_.front();
    const uint32_t size = piece();
    std::memcpy(memory.at(t.target) + column_, memory.at(t.source) + column_, size);
    bytes += size;
    column_ += size;
    if (column_ < t.width) return;
    column_ = 0;
    t.source += t.source_stride;
    t.target += t.target_stride;
    wait_ = DMA_ROW;
    if (--t.rows > 0) return;
    queue_.pop_front();
    done++;
    wait_ = DMA_START;
  }

 private:
  std::deque<Transfer> queue_;
  uint32_t column_ = 0;
  int wait_ = 0;
};

}  // namespace mf
