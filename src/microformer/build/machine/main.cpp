// Runs a program on the cluster, sample by sample, and writes what it cost.
//
// Arguments: a file of lines "key value". program: "address file-offset size" segments; owners:
// "address owner", to whom control passes at an address (0 outside, 1 the model, from 2 on the
// layers). Exit codes: 0 done, 3 the cycle limit, 4 a fault; then the last lines say why.
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>

#include "cluster.h"

namespace {

using namespace mf;

struct Counts {
  uint64_t cycles = 0, retired = 0, conflicts = 0, l2 = 0, barrier = 0, dma = 0;
};

std::vector<uint8_t> bytes_of(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class Session {
 public:
  explicit Session(std::map<std::string, std::string> options)
      : options_(std::move(options)), cluster_(int(number("cores"))) {
    std::ifstream owners(options_.at("owners"));
    uint32_t address, owner;
    while (owners >> std::hex >> address >> owner) {
      if (!in_l2(address)) continue;
      owner_[(address - L2_BASE) / 2] = uint16_t(owner + 1);
      layers_ = std::max(layers_, size_t(owner) + 1);
    }
    counts_.resize(layers_ * cluster_.cores.size());
    dma_.resize(layers_);
    ran_.resize(layers_);
    for (auto &code : ran_) code.resize(L2_BYTES / 2);
    current_.resize(cluster_.cores.size());
  }

  int run() {
    const std::vector<uint8_t> image = bytes_of(options_.at("image"));
    std::istringstream segments(options_.at("program"));
    uint32_t address, offset, size;
    while (segments >> std::hex >> address >> offset >> size) {
      uint8_t *const place = cluster_.memory.at(address);
      if (!place || !cluster_.memory.holds(address, size)) return say("the program lies nowhere");
      std::memcpy(place, &image[offset], size);
    }
    const std::vector<uint8_t> samples = bytes_of(options_.at("in"));
    std::ofstream out(options_.at("out"), std::ios::binary);
    const size_t in_bytes = number("in_bytes"), out_bytes = number("out_bytes");
    const uint64_t limit = number("limit");
    const std::vector<uint8_t> real = bytes_of("real.bin"); // float, of the first samples
    const size_t quantize = number("quantize"), dequantize = number("dequantize");
    std::ofstream quantized("quantized.bin", std::ios::binary);
    std::ofstream dequantized("dequantized.bin", std::ios::binary);
    cluster_.reset();
    if (!until(1, limit)) return 3 + bool(cluster_.fault);
    std::vector<uint8_t> sample(in_bytes);
    for (size_t at = 0; at + in_bytes <= samples.size(); at += in_bytes) {
      const uint8_t fill = at / in_bytes % 2 ? 0xAA : 0x55;
      sample.assign(&samples[at], &samples[at] + in_bytes);
      counting_ = false;
      if (at / in_bytes < quantize) {
        for (size_t from = 0; from < in_bytes;) {
          const size_t part = std::min(size_t(number("part")), in_bytes - from);
          std::memcpy(place("real"), &real[4 * (at + from)], 4 * part);
          if (!convert(1, from, part, limit)) return 3 + bool(cluster_.fault);
          from += part;
        }
        sample.assign(place("in_at"), place("in_at") + in_bytes);
        write(quantized, sample.data(), in_bytes);
      }
      std::memset(place("arena"), fill, number("arena_bytes"));
      if (number("l2_bytes")) std::memset(place("l2"), fill, number("l2_bytes"));
      std::memset(place("out_at"), fill, out_bytes);
      std::memcpy(place("in_at"), sample.data(), in_bytes);
      counting_ = at == 0;
      cluster_.host_ready = true;
      if (!until(3, limit)) return 3 + bool(cluster_.fault);
      if (std::memcmp(place("in_at"), sample.data(), in_bytes))
        return say("the program wrote into its input");
      write(out, place("out_at"), out_bytes);
      if (!until(1, limit)) return 3 + bool(cluster_.fault);
      counting_ = false;
      for (size_t from = 0; dequantize && from < out_bytes;) {
        const size_t part = std::min(size_t(number("part")), out_bytes - from);
        if (!convert(2, from, part, limit)) return 3 + bool(cluster_.fault);
        write(dequantized, place("real"), 4 * part);
        from += part;
      }
    }
    write_counts();
    return 0;
  }

 private:
  std::map<std::string, std::string> options_;
  Cluster cluster_;
  std::vector<uint16_t> owner_ = std::vector<uint16_t>(L2_BYTES / 2);
  size_t layers_ = 2;
  std::vector<Counts> counts_;  // [layer][core]
  std::vector<std::pair<uint64_t, uint64_t>> dma_;
  std::vector<std::vector<uint8_t>> ran_;
  std::vector<uint16_t> current_;
  bool counting_ = false, inside_ = false;
  uint64_t total_ = 0;

  uint64_t number(const std::string &key) { return std::strtoull(options_.at(key).c_str(), nullptr, 0); }
  uint8_t *place(const std::string &key) { return cluster_.memory.at(uint32_t(number(key))); }

  static void write(std::ofstream &file, const uint8_t *bytes, size_t count) {
    file.write(reinterpret_cast<const char *>(bytes), std::streamsize(count));
    file.flush();
  }

  // The harness's quantiser (1) or dequantiser (2) on `count` values from `from` on.
  bool convert(int32_t what, size_t from, size_t count, uint64_t limit) {
    int32_t order[3] = {what, int32_t(from), int32_t(count)};
    std::memcpy(place("order"), order, sizeof order);
    cluster_.host_ready = true;
    const bool done = until(3, limit) && until(1, limit);
    order[0] = 0;
    std::memcpy(place("order"), order, sizeof order);
    return done;
  }

  int say(const char *what) {
    std::printf("%s\n", what);
    return 4;
  }

  // Step until core 0 says `message` to the host: 1 ready for a sample, 2 begins, 3 has ended.
  bool until(uint32_t message, uint64_t limit) {
    const uint64_t end = cluster_.cycle + limit;
    while (cluster_.cycle < end) {
      cluster_.step();
      if (cluster_.fault) break;
      if (counting_ && inside_) count();
      if (const uint32_t said = cluster_.host_written) {
        cluster_.host_written = 0;
        inside_ = said == 2;
        if (said == message) return true;
      }
    }
    if (cluster_.fault)
      std::printf("core %d %s\n", cluster_.fault->core, cluster_.fault->what.c_str());
    for (const Core &core : cluster_.cores)
      std::printf("pc %08x %s\n", core.model->pc_o, core.asleep ? "asleep" : "running");
    return false;
  }

  void count() {
    total_++;
    for (size_t i = 0; i < cluster_.cores.size(); i++) {
      const Core &core = cluster_.cores[i];
      const uint32_t half = (core.model->pc_o - L2_BASE) / 2;
      if (!core.asleep && half < owner_.size()) {
        if (core.model->retire_o && owner_[half]) current_[i] = uint16_t(owner_[half] - 1);
        if (core.model->retire_o) ran_[current_[i]][half] = 1;
      }
      Counts &counts = counts_[current_[i] * cluster_.cores.size() + i];
      counts.cycles++;
      counts.retired += !core.asleep && core.model->retire_o;
      counts.conflicts += core.conflict;
      counts.l2 += core.wait == L2;
      counts.barrier += core.wait == BARRIER || core.wait == TASK;
      counts.dma += core.wait == DMA;
    }
    auto &moved = dma_[current_[0]];
    moved.first += cluster_.dma.busy();
    moved.second += cluster_.dma.bytes - seen_;
    seen_ = cluster_.dma.bytes;
  }
  uint64_t seen_ = 0;

  void write_counts() {
    std::ofstream file(options_.at("counts"));
    file << "total " << total_ << "\nsimulated " << cluster_.cycle << "\n";
    for (size_t layer = 0; layer < layers_; layer++) {
      size_t code = 0;
      for (const uint8_t ran : ran_[layer]) code += ran;
      file << "layer " << layer << " " << dma_[layer].first << " " << dma_[layer].second << "\n";
      for (size_t i = 0; i < cluster_.cores.size(); i++) {
        const Counts &c = counts_[layer * cluster_.cores.size() + i];
        file << "core " << c.cycles << " " << c.retired << " " << c.conflicts << " " << c.l2 << " "
             << c.barrier << " " << c.dma << "\n";
      }
      file << "code";
      for (size_t half = 0; code && half < ran_[layer].size(); half++)
        if (ran_[layer][half]) file << " " << std::hex << L2_BASE + 2 * half << std::dec;
      file << "\n";
    }
    const uint32_t stack = uint32_t(number("stack")), size = uint32_t(number("stack_bytes"));
    file << "stack";
    for (size_t i = 0; i < cluster_.cores.size(); i++) {
      uint32_t unused = 0;
      while (unused < size && *cluster_.memory.at(stack + uint32_t(i) * size + unused) == 0xA5)
        unused++;
      file << " " << size - unused;
    }
    file << "\n";
  }
};

}  // namespace

int main(int, char **arguments) {
  std::map<std::string, std::string> options;
  std::ifstream file(arguments[1]);
  std::string line;
  while (std::getline(file, line)) {
    const size_t space = line.find(' ');
    options[line.substr(0, space)] = line.substr(space + 1);
  }
  return Session(std::move(options)).run();
}
