// What does torch's allocator give and take? Counted here, below Python, at a few ns a block.
//
// torch's allocators report each block to whatever lies in one slot of the calling thread: the
// slot of profilers (PROFILER_STATE of c10::ThreadLocalDebugInfo). Its own profilers lie there
// while they are on, so that there is room for one. torch carries the slot to the threads that
// work for this one, such as those of autograd. The object below sums up what it is told.
//
// It says of itself that it is a profiler that is disabled, so that nothing in torch takes it for
// one of its own, and one that starts meanwhile is refused as beside any other.
//
// Built and loaded by hook_building.py and hook.py, which say what of this is private to torch.
#include <torch/csrc/profiler/orchestration/observer.h>

#include <c10/core/Allocator.h>
#include <c10/util/ThreadLocalDebugInfo.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace {

using c10::DebugInfoKind;
using c10::ThreadLocalDebugInfo;
using namespace torch::profiler::impl;

// CRC-32 as zlib has it, so that Python gets the same number over an array of the same sizes.
constexpr std::array<uint32_t, 256> make_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t value = byte;
    for (int bit = 0; bit < 8; ++bit) value = value & 1 ? 0xEDB88320u ^ (value >> 1) : value >> 1;
    table[byte] = value;
  }
  return table;
}
constexpr auto crc_table = make_table();

// The order in which `hook.py` reads them.
struct Sums {
  int64_t allocations = 0, allocated_bytes = 0, frees = 0, freed_bytes = 0;
  int64_t net_bytes = 0, peak_bytes = 0, signature = 0;

  void add(int64_t nbytes) {
    net_bytes += nbytes;
    if (nbytes > 0) {
      ++allocations, allocated_bytes += nbytes;
      peak_bytes = std::max(peak_bytes, net_bytes);
      unsigned char bytes[sizeof nbytes];
      std::memcpy(bytes, &nbytes, sizeof nbytes);
      uint32_t crc = ~static_cast<uint32_t>(signature);
      for (unsigned char byte : bytes) crc = crc_table[(crc ^ byte) & 0xFF] ^ (crc >> 8);
      signature = static_cast<uint32_t>(~crc);
    } else {
      ++frees, freed_bytes -= nbytes;
    }
  }

  // What another thread took: after this one, since nobody knows how they interleaved.
  void append(const Sums& other) {
    allocations += other.allocations, allocated_bytes += other.allocated_bytes;
    frees += other.frees, freed_bytes += other.freed_bytes;
    peak_bytes = std::max(peak_bytes, net_bytes + other.peak_bytes);
    net_bytes += other.net_bytes;
    signature += other.signature;
  }
};

class Hook final : public ProfilerStateBase {
 public:
  Hook() : ProfilerStateBase(ProfilerConfig(ProfilerState::Disabled)) {}

  bool is_open() const { return is_open_.load(std::memory_order_relaxed); }

  void open() {
    own_ = Sums();
    is_open_.store(true);
  }

  Sums close() {
    is_open_.store(false);
    if (has_others_.load()) {
      std::lock_guard<std::mutex> guard(lock_);
      for (const auto& other : others_) own_.append(other.second);
      others_.clear();
      has_others_.store(false);
    }
    return own_;
  }

  void reportMemoryUsage(void*, int64_t nbytes, size_t, size_t, c10::Device device) override {
    if (!is_open() || !nbytes || !device.is_cpu()) return;
    const auto thread = std::this_thread::get_id();
    if (thread == owner_) {
      own_.add(nbytes);
      return;
    }
    std::lock_guard<std::mutex> guard(lock_);
    if (!is_open()) return;
    has_others_.store(true);
    for (auto& other : others_) {
      if (other.first == thread) return other.second.add(nbytes);
    }
    others_.emplace_back(thread, Sums()).second.add(nbytes);
  }

  bool memoryProfilingEnabled() const override { return is_open(); }
  ActiveProfilerType profilerType() override { return ActiveProfilerType::NONE; }

 private:
  const std::thread::id owner_ = std::this_thread::get_id();
  std::atomic<bool> is_open_{false}, has_others_{false};
  Sums own_;  // touched by its own thread alone
  std::mutex lock_;
  std::vector<std::pair<std::thread::id, Sums>> others_;
};

thread_local std::shared_ptr<Hook> hook;  // one for each thread, as long as that lives

c10::DebugInfoBase* in_slot() { return ThreadLocalDebugInfo::get(DebugInfoKind::PROFILER_STATE); }

void leave_slot() {
  try {
    if (hook && in_slot() == hook.get()) ThreadLocalDebugInfo::_pop(DebugInfoKind::PROFILER_STATE);
  } catch (...) {  // something else lies on top of it: it stays, closed, and counts nothing
  }
}

}  // namespace

#define EXPORTED extern "C" __attribute__((visibility("default")))

// 1 if it counts now, 0 if a profiler is on in this thread.
EXPORTED int downhill_hook_start() {
  try {
    auto* const found = in_slot();
    if (!hook) hook = std::make_shared<Hook>();
    if ((found && found != hook.get()) || hook->is_open()) return 0;
    if (!found) ThreadLocalDebugInfo::_push(DebugInfoKind::PROFILER_STATE, hook);
    hook->open();
    return 1;
  } catch (...) {
    return 0;
  }
}

// 1, and 7 sums in `out`, if it counted.
EXPORTED int downhill_hook_stop(int64_t* out) {
  if (!hook || !hook->is_open()) return 0;
  const Sums sums = hook->close();
  leave_slot();
  std::memcpy(out, &sums, sizeof sums);
  return 1;
}

// Whether a profiler of torch can start in this thread.
EXPORTED int downhill_hook_is_free() {
  if (hook && !hook->is_open()) leave_slot();
  return in_slot() == nullptr;
}
