// What does torch's allocator give and take, and in which operator? Written down below Python.
//
// torch's allocators report each block to whatever lies in one slot of the calling thread: the
// slot of profilers (PROFILER_STATE of c10::ThreadLocalDebugInfo). Its own profilers lie there
// while they are on, so that there is room for one. torch carries the slot to the threads that
// work for this one, such as those of autograd. The object below sums up what it is told. Or it
// writes it down in order, together with the operators that begin and end, which torch tells to
// callbacks of the thread: what its own profiler would hand out, at a tenth of the price.
//
// Sums can be had stretch by stretch: a pause closes one and a resume opens the next, each with the
// clocks of the thread, and all that were closed are read together.
//
// It says of itself that it is a profiler that is disabled, so that nothing in torch takes it for
// one of its own, and one that starts meanwhile is refused as beside any other.
#pragma once

#include <torch/csrc/profiler/orchestration/observer.h>

#include <ATen/record_function.h>
#include <c10/core/Allocator.h>
#include <c10/util/ThreadLocalDebugInfo.h>

#include <sys/resource.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

namespace downhill {

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

// Names of operators by number; 0 is the empty one. They are kept as long as the process lives.
class Names {
 public:
  Names() { number_of(""); }

  std::pair<int32_t, const char*> number_of(const char* name) {
    std::lock_guard<std::mutex> guard(lock_);
    const auto [found, is_new] = numbers_.try_emplace(name, static_cast<int32_t>(all_.size()));
    if (is_new) all_.push_back(found->first);
    return {found->second, all_[found->second].c_str()};
  }

  const char* at(int32_t number) {
    std::lock_guard<std::mutex> guard(lock_);
    const bool is_known = number >= 0 && static_cast<size_t>(number) < all_.size();
    return is_known ? all_[number].c_str() : nullptr;
  }

 private:
  std::mutex lock_;
  std::unordered_map<std::string, int32_t> numbers_;
  std::deque<std::string> all_;
};

Names& names() {
  static auto* const all = new Names();  // never destroyed: threads may outlive statics
  return *all;
}

int64_t read_ns(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}

// The clock of Python's `time.perf_counter_ns`.
#ifdef __APPLE__
constexpr clockid_t wall_clock = CLOCK_UPTIME_RAW;
#else
constexpr clockid_t wall_clock = CLOCK_MONOTONIC;
#endif

int64_t now_ns() { return read_ns(wall_clock); }

int64_t page_faults() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  return used.ru_minflt;
}

constexpr int64_t short_ns = 200'000;
constexpr int64_t few_faults = 32;
constexpr int asked_after = 120;

// From a resume to a pause, in the order in which `hook.py` reads it.
struct Stretch {
  int64_t start_ns = 0, stop_ns = 0, ran_ns = 0, page_faults = 0;
  Sums sums;
};

// What happened on one thread, in order. A name begins an operator; no name and no bytes end one.
struct Events {
  std::vector<int64_t> nbytes, at_ns;
  std::vector<int32_t> name;

  void add(int64_t size, int64_t at, int32_t number) {
    nbytes.push_back(size), at_ns.push_back(at), name.push_back(number);
  }

  void clear() { nbytes.clear(), at_ns.clear(), name.clear(); }
};

class Hook final : public ProfilerStateBase {
 public:
  Hook() : ProfilerStateBase(ProfilerConfig(ProfilerState::Disabled)) {}

  bool is_open() const { return is_open_.load(std::memory_order_relaxed); }

  bool has_events() const { return has_events_; }

  void open(bool with_events) {
    own_ = Sums();
    own_events_.clear();
    other_events_.clear();
    has_events_ = with_events;
    start_ns_ = with_events ? now_ns() : 0;
    if (with_events) add_callbacks();
    is_open_.store(true);
  }

  Sums close() {
    is_open_.store(false);
    {
      std::lock_guard<std::mutex> guard(lock_);  // others are not in the middle of it
      for (const auto& other : others_) own_.append(other.second);
      others_.clear();
    }
    if (handle_) {
      at::removeCallback(handle_);
      handle_ = 0;
    }
    return own_;
  }

  int64_t start(bool with_events) {
    open(with_events);
    return with_events ? start_ns_ : now_ns();
  }

  int64_t resume() {
    open(false);
    return begin();
  }

  void pause() {
    end();
    keep();
  }

  // One ends and the next begins at the border of a frame. What the system was asked for the one
  // holds for the other.
  void part() {
    pause();
    open(false);
    stretch_.start_ns = read_ns(wall_clock);
  }

  // The same inside of a frame.
  void turn() {
    if (asked_) {
      --asked_;
      end();
    } else {
      is_one_ = false;
      stretch_.stop_ns = read_ns(wall_clock);
      stretch_.ran_ns = stretch_.stop_ns - stretch_.start_ns;
      stretch_.page_faults = 0;
    }
    keep();
    open(false);
    stretch_.start_ns = read_ns(wall_clock);
  }

  std::vector<Stretch>& stretches() { return stretches_; }

  // Of a closed one: the events of this thread, and then those of the others.
  size_t lists() const { return 1 + other_events_.size(); }
  const Events& list(size_t place) const {
    return place ? other_events_[place - 1].second : own_events_;
  }

  void begin_operator(const char* name) {
    if (!is_open()) return;
    const int32_t number = number_of(name);
    with_events([&](Events& events) { events.add(0, now_ns() - start_ns_, number); });
  }

  void end_operator() {
    if (!is_open()) return;
    with_events([&](Events& events) { events.add(0, now_ns() - start_ns_, 0); });
  }

  void reportMemoryUsage(void*, int64_t nbytes, size_t, size_t, c10::Device device) override {
    if (!is_open() || !nbytes || !device.is_cpu()) return;
    if (has_events_) {
      with_events([&](Events& events) { events.add(nbytes, now_ns() - start_ns_, 0); });
      return;
    }
    if (is_own_thread()) {
      own_.add(nbytes);
      return;
    }
    std::lock_guard<std::mutex> guard(lock_);
    if (!is_open()) return;
    of_this_thread(others_).add(nbytes);
  }

  bool memoryProfilingEnabled() const override { return is_open(); }
  ActiveProfilerType profilerType() override { return ActiveProfilerType::NONE; }

 private:
  // The clocks: what clocks.py does, where it is said why.
  int64_t begin() {
    ran_ns_ = read_ns(CLOCK_THREAD_CPUTIME_ID);
    is_one_ = true;
    return stretch_.start_ns = since_ns_ = read_ns(wall_clock);
  }

  void end() {
    const int64_t now = read_ns(wall_clock), ran = read_ns(CLOCK_THREAD_CPUTIME_ID);
    const int64_t faults = page_faults(), off_ns = now - since_ns_ - (ran - ran_ns_);
    stretch_.stop_ns = now;
    stretch_.ran_ns = now - stretch_.start_ns - off_ns;
    stretch_.page_faults = faults - faults_;
    const bool came_up = off_ns > short_ns || stretch_.page_faults > few_faults;
    if (came_up && (asked_ || !is_one_)) asked_ = asked_after;
    is_one_ = true;
    since_ns_ = now, ran_ns_ = ran, faults_ = faults;
  }

  void keep() {
    stretch_.sums = close();
    stretches_.push_back(stretch_);
  }

  template <typename T>
  using ByThread = std::deque<std::pair<std::thread::id, T>>;

  void add_callbacks();

  bool is_own_thread() const { return std::this_thread::get_id() == owner_; }

  template <typename T>
  static T& of_this_thread(ByThread<T>& known) {
    const auto thread = std::this_thread::get_id();
    for (auto& one : known) {
      if (one.first == thread) return one.second;
    }
    return known.emplace_back(thread, T()).second;
  }

  template <typename Work>
  void with_events(Work work) {
    if (is_own_thread()) return work(own_events_);
    std::lock_guard<std::mutex> guard(lock_);
    if (is_open()) work(of_this_thread(other_events_));
  }

  // Operators come by the same pointers again and again; marks do not, so the text is compared.
  int32_t number_of(const char* name) {
    if (!is_own_thread()) return names().number_of(name).first;
    auto& known = known_[(reinterpret_cast<uintptr_t>(name) >> 3) % known_.size()];
    if (known.name != name || std::strcmp(known.text, name) != 0) {
      const auto [number, text] = names().number_of(name);
      known = {name, text, number};
    }
    return known.number;
  }

  struct Known {
    const char* name = nullptr;
    const char* text = "";
    int32_t number = 0;
  };

  const std::thread::id owner_ = std::this_thread::get_id();
  std::atomic<bool> is_open_{false};
  Sums own_;  // touched by its own thread alone
  std::mutex lock_;
  ByThread<Sums> others_;
  Stretch stretch_;  // the one under way
  int64_t since_ns_ = 0, ran_ns_ = 0, faults_ = page_faults();  // where the system was asked last
  int asked_ = 0;       // borders for which it is asked still
  bool is_one_ = true;  // since then there is one stretch, of which it tells
  std::vector<Stretch> stretches_;
  bool has_events_ = false;
  int64_t start_ns_ = 0;
  Events own_events_;
  ByThread<Events> other_events_;
  std::array<Known, 512> known_;
};

thread_local std::shared_ptr<Hook> hook;  // one for each thread, as long as that lives

c10::DebugInfoBase* in_slot() { return ThreadLocalDebugInfo::get(DebugInfoKind::PROFILER_STATE); }

// Of the thread that we work for; nullptr where something else lies in the slot.
Hook* working_hook() {
  auto* const found = in_slot();
  return found == hook.get() ? hook.get() : dynamic_cast<Hook*>(found);
}

void Hook::add_callbacks() {
  handle_ = at::addThreadLocalCallback(at::RecordFunctionCallback(
      [](const at::RecordFunction& operation) -> std::unique_ptr<at::ObserverContext> {
        if (Hook* const one = working_hook()) one->begin_operator(operation.name());
        return nullptr;
      },
      [](const at::RecordFunction&, at::ObserverContext*) {
        if (Hook* const one = working_hook()) one->end_operator();
      }));
}

// With the hook of this thread in the slot, and closed; false if a profiler is on in this thread.
bool take_slot() {
  auto* const found = in_slot();
  if (!hook) hook = std::make_shared<Hook>();
  if ((found && found != hook.get()) || hook->is_open()) return false;
  if (!found) ThreadLocalDebugInfo::_push(DebugInfoKind::PROFILER_STATE, hook);
  return true;
}

void leave_slot() {
  try {
    if (hook && in_slot() == hook.get()) ThreadLocalDebugInfo::_pop(DebugInfoKind::PROFILER_STATE);
  } catch (...) {  // something else lies on top of it: it stays, closed, and counts nothing
  }
}

}  // namespace downhill
