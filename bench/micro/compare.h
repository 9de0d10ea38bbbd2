// SPDX-License-Identifier: Apache-2.0
// One choice of the media path beside its simple form, in turns on one machine. A time alone says little: what counts is
// the ratio of the two.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <ctime>
#include <string>
#include <vector>

namespace jb::micro {

inline constexpr int kTurns = 41;

// Processor time of the process, user and system: other programs do not count, though they cool the caches.
inline double ProcessorNs() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return 1e9 * static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec);
}

// What leaves the two forms alone to be timed: both do `count` times the same work; `prepare` and `tidy` run before and
// after each, untimed.
inline void Nothing() {}

template <class Simple, class Ours, class Prepare = void (*)(), class Tidy = void (*)()>
void Compare(const std::string& choice, const std::string& simple_name, std::size_t count, Simple simple, Ours ours,
             Prepare prepare = Nothing, Tidy tidy = Nothing) {
  std::vector<double> simple_ns, our_ns, ratios;
  const auto timed = [&](auto& form) {
    prepare();
    const double began = ProcessorNs();
    form();
    const double ns = (ProcessorNs() - began) / static_cast<double>(count);
    tidy();
    return ns;
  };
  timed(simple), timed(ours);  // caches and pools are warm for both
  for (int i = 0; i < kTurns; ++i) {
    simple_ns.push_back(timed(simple));
    our_ns.push_back(timed(ours));
    ratios.push_back(simple_ns.back() / our_ns.back());
  }
  const auto median = [](std::vector<double>& values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
  };
  const double simple_median = median(simple_ns), our_median = median(our_ns);
  std::printf("| %s | %s | %.0f | %.0f | %.2f |\n", choice.c_str(), simple_name.c_str(), simple_median, our_median,
              median(ratios));
}

// Keeps the optimizer from dropping what was computed.
template <class T>
void Use(const T& value) {
  asm volatile("" : : "g"(&value) : "memory");
}

void CompareSrtp();
void CompareHeaders();
void ComparePools();
void CompareTimers();
void CompareSending();
void CompareReceiving();

}  // namespace jb::micro
