// SPDX-License-Identifier: Apache-2.0
#include "scenario/link_table.h"

#include <algorithm>
#include <fstream>
#include <iterator>

#include "base/json.h"

namespace jb::scenario {
namespace {

using testing::LinkStep;
using testing::NetemProfile;

Duration Seconds(double s) { return Duration(static_cast<std::int64_t>(s * 1e6)); }
Duration Milliseconds(double ms) { return Seconds(ms / 1000); }
std::uint64_t Kilobits(double kbps) { return static_cast<std::uint64_t>(kbps * 1000); }

void Apply(const json::value& step, NetemProfile& profile) {
  if (const auto v = GetNumber(step, "rate")) profile.rate_bps = Kilobits(*v);
  if (const auto v = GetNumber(step, "delay")) profile.latency = Milliseconds(*v);
  if (const auto v = GetNumber(step, "jitter")) profile.jitter = Milliseconds(*v);
  if (const auto v = GetNumber(step, "queue")) profile.max_queue = Milliseconds(*v);
  if (const auto v = GetNumber(step, "loss")) profile.loss = *v / 100;
  if (const auto v = GetBool(step, "down")) profile.down = *v;
  if (const json::value* bursts = GetMember(step, "bursts")) {
    profile.bursts.to_bad = GetNumber(*bursts, "to_bad").value() / 100;
    profile.bursts.to_good = GetNumber(*bursts, "to_good").value() / 100;
    profile.bursts.loss_bad = GetNumber(*bursts, "loss_bad").value() / 100;
  }
}

std::vector<LinkStep> ReadSchedule(const json::value& row, std::string_view name) {
  std::vector<LinkStep> out;
  NetemProfile profile;
  const json::array* steps = GetArray(row, name);
  if (!steps) return {{Duration(0), {.latency = std::chrono::milliseconds(10)}}};
  for (const json::value& step : *steps) {
    Apply(step, profile);
    out.push_back({Seconds(GetNumber(step, "at").value()), profile});
  }
  return out;
}

void ReadExpected(const json::value& expect, LinkRow& row) {
  for (const json::value& item : *GetArray(expect, "layers")) {
    ExpectedLayers layers{Seconds(GetNumber(item, "at").value()), Seconds(GetNumber(item, "within").value()), {}};
    for (const json::value& spatial : *GetArray(item, "spatial")) {
      layers.spatial.push_back(static_cast<int>(spatial.as_int64()));
    }
    row.layers.push_back(std::move(layers));
  }
  row.queue_p95 = Milliseconds(GetNumber(expect, "queue_p95_ms").value());
  row.switches_in_10s = static_cast<int>(GetInt(expect, "switches").value());
  row.audio_lost = GetNumber(expect, "audio_lost").value() / 100;
}

LinkRow ReadRow(const json::value& value) {
  LinkRow row;
  row.name = std::string(GetString(value, "name").value());
  row.duration = Seconds(GetNumber(value, "seconds").value());
  row.down = ReadSchedule(value, "down");
  row.up = ReadSchedule(value, "up");
  row.publisher = ReadSchedule(value, "publisher");
  row.feedback = GetBool(value, "feedback").value_or(true);
  if (const json::array* rivals = GetArray(value, "rivals")) {
    for (const json::value& rival : *rivals) {
      row.rivals.push_back({GetString(rival, "kind") == "aimd", Kilobits(GetNumber(rival, "rate").value_or(0)),
                            Seconds(GetNumber(rival, "from").value()), Seconds(GetNumber(rival, "until").value())});
    }
  }
  ReadExpected(*GetMember(value, "expect"), row);
  return row;
}

}  // namespace

std::vector<LinkRow> ReadLinkTable() {
  std::ifstream file(JB_SOURCE_DIR "/tests/scenario/links.json");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const auto parsed = ParseJson(text);
  JB_CHECK(parsed.ok());
  std::vector<LinkRow> rows;
  for (const json::value& row : *GetArray(*parsed, "rows")) rows.push_back(ReadRow(row));
  return rows;
}

const LinkRow& FindLinkRow(const std::vector<LinkRow>& rows, std::string_view name) {
  const auto found = std::find_if(rows.begin(), rows.end(), [name](const LinkRow& row) { return row.name == name; });
  JB_CHECK(found != rows.end());
  return *found;
}

testing::SharedLink MakeDownlink(const LinkRow& row, Time began, std::uint64_t seed) {
  testing::SharedLink link(row.down, began, seed);
  for (const Rival& rival : row.rivals) {
    if (rival.is_download) {
      const Duration back = row.up.front().profile.latency;
      link.AddFlow(std::make_unique<testing::AimdFlow>(back, began + rival.from, began + rival.until));
    } else {
      link.AddFlow(std::make_unique<testing::ConstantFlow>(rival.rate_bps, began + rival.from, began + rival.until));
    }
  }
  return link;
}

}  // namespace jb::scenario
