// SPDX-License-Identifier: Apache-2.0
// What a call over a row of links.json did, ten times a second, and the judgement of it.
#pragma once

#include <string>
#include <vector>

#include "scenario/link_table.h"

namespace jb::scenario {

struct LinkSample {
  Duration at{};  // since the beginning
  double capacity_kbps = 0;
  double estimate_kbps = 0, target_kbps = 0, sent_kbps = 0;
  double queue_ms = 0;  // what the next packet will wait
  int spatial = -1, temporal = -1;  // of what is sent; -1: nothing
};

struct LinkRecording {
  std::vector<LinkSample> samples;
  std::vector<double> queue_ms;    // every 10 ms
  std::vector<Duration> switches;  // of the picture's size, as seen in what is sent; smoothness comes and goes unseen
  std::uint64_t audio_sent = 0, audio_received = 0;
  double link_loss = 0;  // share that the link lost without being full

  double QueuePercentile(double share) const;
  double audio_lost() const;
  // The most switches in any 10 s that begin `within` after one of the row's steps or later.
  int MostSwitches(const LinkRow& row) const;
  // How long after `at` the layers were in `wanted` and stayed there until `until`; nullopt: never.
  std::optional<Duration> SettledAfter(const ExpectedLayers& wanted, Duration until) const;
  // Samples in [from, until) in which the layers were not as expected.
  void WriteCsv(const std::string& path) const;
};

// Compares with what the row expects, as test failures.
void ExpectAsTheRowSays(const LinkRow& row, const LinkRecording& recording);

}  // namespace jb::scenario
