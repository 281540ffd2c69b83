// N verilated cores with their memories, cycle by cycle.
//
// A cycle of a core is two evaluations: the clock rises with the inputs as they stood at the end of
// the last cycle; then what was requested there (instruction, data) arrives and the new requests
// are read. A data request counts as granted until arbitration says otherwise; then, and only
// then, a third evaluation tells the core so before the clock rises.
#pragma once
#include <memory>
#include <string>

#include "Vcore.h"
#include "devices.h"

namespace mf {

enum Wait : uint8_t { NONE, RUNNING, L2, BARRIER, TASK, DMA, HOST };

struct Fault {
  int core;
  std::string what;
};

struct Core {
  std::unique_ptr<VerilatedContext> context = std::make_unique<VerilatedContext>();
  std::unique_ptr<Vcore> model;
  Wait wait = NONE;       // what its data request waits for
  int countdown = 0;      // cycles until the data of a granted request arrive
  uint32_t awaited = 0;   // of DMA: the transfer; else the data
  uint32_t fetched = 0;   // the address of the fetch under way
  bool fetching = false;
  bool asleep = false;    // its clock stands still
  bool retired = false, conflict = false;
};

class Cluster {
 public:
  Memory memory;
  EventUnit events;
  Dma dma;
  std::vector<Core> cores;
  uint64_t cycle = 0;
  uint32_t host_written = 0;   // what core 0 told the host, 0 if nothing
  bool host_ready = false;     // the host lets core 0 go on
  std::unique_ptr<Fault> fault;

  explicit Cluster(int count) : events(count), cores(count) {}

  void reset() {
    for (size_t i = 0; i < cores.size(); i++) {
      Core &core = cores[i];
      core.model = std::make_unique<Vcore>(core.context.get());
      core.model->core_id_i = uint8_t(i);
      core.model->data_gnt_i = 1;
      core.model->rst_ni = 1;
      core.model->eval();
      for (int cycle = 0; cycle < 3; cycle++) {
        core.model->rst_ni = 0;
        core.model->clk_i = 1;
        core.model->eval();
        core.model->clk_i = 0;
        core.model->eval();
      }
      core.model->rst_ni = 1;
      core.model->eval();
      core.fetching = core.model->instr_req_o;  // one may be under way already
      core.fetched = core.model->instr_addr_o;
    }
  }

  void step() {
    for (Core &core : cores) {
      if (core.asleep && !wakes(core)) continue;
      core.asleep = false;
      clock(core);
    }
    arbitrate();
    cycle++;
  }

 private:
  RoundRobin banks_[BANKS], l2_port_;

  // The load of a sleeping core is answered in this cycle.
  bool wakes(Core &core) {
    const int id = int(&core - cores.data());
    if (core.countdown > 1) core.countdown--;
    if (core.countdown == 0 && has_come(core, id)) core.countdown = WAKE_LATENCY;
    return core.countdown == 1;
  }

  bool has_come(Core &core, int id) {
    switch (core.wait) {
      case BARRIER: return events.may_pass(id);
      case TASK: return events.may_begin(id) && (core.awaited = events.task(), true);
      case DMA: return int32_t(dma.done - core.awaited) >= 0;
      case HOST: return host_ready && (host_ready = false, true);
      default: return false;
    }
  }

  void clock(Core &core) {
    Vcore &model = *core.model;
    core.retired = model.retire_o;
    model.clk_i = 1;
    model.eval();
    model.clk_i = 0;
    model.data_gnt_i = 1;
    model.instr_rvalid_i = core.fetching;
    if (core.fetching) model.instr_rdata_i = fetch(core.fetched);
    model.data_rvalid_i = arrives(core);
    model.eval();
    // a core asleep has nothing under way but its load
    core.asleep = core.wait >= BARRIER && !model.busy_o && !model.instr_rvalid_i;
  }

  uint32_t fetch(uint32_t address) {
    uint32_t word = 0;  // an illegal instruction: what is fetched ahead may not be there
    if (in_l2(address)) std::memcpy(&word, memory.at(address & ~3u), 4);
    return word;
  }

  // True if the data of the pending request arrive in this cycle.
  bool arrives(Core &core) {
    if (core.wait == NONE) return false;
    const int id = int(&core - cores.data());
    if (core.countdown == 0) {
      if (core.wait >= BARRIER && has_come(core, id)) core.countdown = WAKE_LATENCY;
      return false;
    }
    if (--core.countdown > 0) return false;
    core.model->data_rdata_i = core.awaited;
    core.wait = NONE;
    return true;
  }

  void arbitrate() {
    uint32_t asking[BANKS] = {}, outside = 0;
    bool any = false;
    for (size_t i = 0; i < cores.size(); i++) {
      Core &core = cores[i];
      core.conflict = false;
      if (core.asleep) continue;
      Vcore &model = *core.model;
      core.fetching = model.instr_req_o;
      core.fetched = model.instr_addr_o;
      if (!model.data_req_o) {
        model.data_gnt_i = 0;  // RI5CY takes a grant for what it did not ask for as its own
        continue;
      }
      if (core.wait != NONE) {  // its last one is not answered yet
        refuse(core);
        continue;
      }
      const uint32_t address = model.data_addr_o;
      if (in_l1(address)) {
        asking[bank_of(address)] |= 1u << i;
        any = true;
      } else if (in_l2(address)) {
        outside |= 1u << i;
      } else if (!in_device(address)) {
        fail(int(i), "touches an address where nothing is");
      } else if (!device(core, int(i), address)) {
        refuse(core);
      }
    }
    const uint32_t moves = dma.wants();
    const bool wide = moves && (moves & 3) + dma.piece() > 4;
    if (moves) {
      any = true;
      asking[bank_of(moves)] |= 1u << cores.size();
      if (wide) asking[bank_of(moves) + 1] |= 1u << cores.size();
    }
    if (any) grant_banks(asking, moves, wide);
    if (outside) {
      const int winner = l2_port_.grant(outside);
      serve(cores[winner], L2, L2_LATENCY);
      for (size_t i = 0; i < cores.size(); i++)
        if ((outside >> i & 1) && int(i) != winner) refuse(cores[i]);
    }
  }

  void grant_banks(const uint32_t *asking, uint32_t moves, bool wide) {
    int won = 0;
    for (int bank = 0; bank < BANKS; bank++) {
      if (!asking[bank]) continue;
      const int winner = banks_[bank].grant(asking[bank]);
      for (size_t i = 0; i < cores.size(); i++) {
        if (!(asking[bank] >> i & 1)) continue;
        if (int(i) == winner) {
          serve(cores[i], RUNNING, 1);
        } else {
          cores[i].conflict = true;
          refuse(cores[i]);
        }
      }
      won += winner == int(cores.size());
    }
    if (moves && won == (wide ? 2 : 1)) dma.move(memory);
  }

  // A granted request: stores happen now, loads read now what arrives after `latency` cycles.
  void serve(Core &core, Wait wait, int latency) {
    const Vcore &model = *core.model;
    if (model.data_we_o)
      memory.store(model.data_addr_o, model.data_wdata_o, model.data_be_o);
    else
      core.awaited = memory.load(model.data_addr_o);
    core.wait = wait;
    core.countdown = latency;
  }

  void refuse(Core &core) {
    core.model->data_gnt_i = 0;
    core.model->eval();
    core.fetching = core.model->instr_req_o;
    core.fetched = core.model->instr_addr_o;
  }

  // False if the device cannot take the request in this cycle.
  bool device(Core &core, int id, uint32_t address);

  void fail(int core, const std::string &what) {
    if (!fault) fault = std::make_unique<Fault>(Fault{core, what});
  }
};

inline bool Cluster::device(Core &core, int id, uint32_t address) {
  const bool writes = core.model->data_we_o;
  const uint32_t value = core.model->data_wdata_o;
  Wait wait = RUNNING;
  core.awaited = 0;
  switch (address) {
    case EVENT_BASE + 0x00: core.awaited = uint32_t(cores.size()); break;
    case EVENT_BASE + 0x04: core.awaited = uint32_t(cycle); break;
    case EVENT_BASE + 0x08: events.arrive(id), wait = BARRIER; break;
    case EVENT_BASE + 0x0C:
      if (writes) events.dispatch(value);
      else wait = TASK;
      break;
    case DMA_BASE + 0x00: dma.command[id].source = value; break;
    case DMA_BASE + 0x04: dma.command[id].target = value; break;
    case DMA_BASE + 0x08: dma.command[id].width = value; break;
    case DMA_BASE + 0x0C: dma.command[id].rows = value; break;
    case DMA_BASE + 0x10: dma.command[id].source_stride = value; break;
    case DMA_BASE + 0x14: dma.command[id].target_stride = value; break;
    case DMA_BASE + 0x18: {  // read: start, and the number of the transfer
      if (dma.full()) return false;
      const Transfer &t = dma.command[id];
      bool fits = t.width > 0 && t.rows > 0 && in_l1(t.source) != in_l1(t.target);
      for (uint32_t row = 0; fits && row < t.rows; row++)
        fits = memory.holds(t.source + row * t.source_stride, t.width) &&
               memory.holds(t.target + row * t.target_stride, t.width);
      if (!fits) fail(id, "starts a DMA transfer that is empty or leaves the memories");
      else dma.start(t);
      core.awaited = dma.started;
      break;
    }
    case DMA_BASE + 0x1C:  // write: the number of a transfer; then read: wait until it is done
      if (writes) dma.command[id].rows = value;
      else wait = DMA, core.awaited = dma.command[id].rows;
      break;
    case HOST_BASE + 0x00:
      if (writes) host_written = value;
      else wait = HOST;
      break;
    case HOST_BASE + 0x04: fail(id, "takes a trap with mcause " + std::to_string(value)); break;
    default: fail(id, "touches a register that no device has");
  }
  core.wait = wait;
  core.countdown = wait == RUNNING;
  return true;
}

}  // namespace mf
