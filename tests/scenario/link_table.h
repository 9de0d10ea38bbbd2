// SPDX-License-Identifier: Apache-2.0
// The rows of links.json: links that change while a call goes on, and what must come of it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "testing/shared_link.h"

namespace jb::scenario {

struct Rival {
  bool is_download = false;      // else constant
  std::uint64_t rate_bps = 0;    // of a constant one
  Duration from{}, until{};
};

struct ExpectedLayers {
  Duration at{}, within{};
  std::vector<int> spatial;  // any of these; -1: nothing is sent
};

struct LinkRow {
  std::string name;
  Duration duration{};
  std::vector<testing::LinkStep> down, up, publisher;
  std::vector<Rival> rivals;  // on `down`
  bool feedback = true;
  // What is expected.
  std::vector<ExpectedLayers> layers;
  Duration queue_p95{};
  int switches_in_10s = 1;
  double audio_lost = 0;  // share, beyond what the link loses at random
};

// Aborts the test program when the file is not as it should be: it is ours.
std::vector<LinkRow> ReadLinkTable();
const LinkRow& FindLinkRow(const std::vector<LinkRow>& rows, std::string_view name);

// One direction of a row's link; rivals are on the downlink.
testing::SharedLink MakeDownlink(const LinkRow& row, Time began, std::uint64_t seed);

}  // namespace jb::scenario
