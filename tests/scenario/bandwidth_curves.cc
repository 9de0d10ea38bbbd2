// SPDX-License-Identifier: Apache-2.0
// Writes what a call through the whole SFU does over each row of links.json as CSV files, for the plots in docs/:
//   bandwidth_curves DIRECTORY [SEED [ROW...]]
// and prints one line of figures per row.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "scenario/linked_call.h"

int main(int argc, char** argv) {
  using namespace jb;
  using namespace jb::scenario;
  if (argc < 2) {
    std::fprintf(stderr, "usage: bandwidth_curves DIRECTORY [SEED [ROW...]]\n");
    return 2;
  }
  const std::uint64_t seed = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1;
  const auto rows = ReadLinkTable();
  std::printf("%-18s %8s %8s %8s %9s %8s  %s\n", "row", "queue50", "queue95", "queue99", "switches", "audio", "settled after, s");
  for (const LinkRow& row : rows) {
    if (argc > 3 && std::none_of(argv + 3, argv + argc, [&](const char* name) { return row.name == name; })) continue;
    LinkedCall call(row, seed);
    call.Run();
    const LinkRecording recording = call.Finish();
    recording.WriteCsv(std::string(argv[1]) + "/" + row.name + ".csv");
    std::printf("%-18s %8.0f %8.0f %8.0f %5d/%-3zu %7.2f%% ", row.name.c_str(), recording.QueuePercentile(0.5),
                recording.QueuePercentile(0.95), recording.QueuePercentile(0.99), recording.MostSwitches(row), recording.switches.size(),
                recording.audio_lost() * 100);
    for (std::size_t i = 0; i < row.layers.size(); ++i) {
      const Duration until = i + 1 < row.layers.size() ? row.layers[i + 1].at : row.duration;
      const auto settled = recording.SettledAfter(row.layers[i], until);
      if (settled) {
        std::printf(" %.1f%s", ToSeconds(*settled), *settled <= row.layers[i].within ? "" : "!");
      } else {
        std::printf(" never!");
      }
    }
    std::printf("\n");
  }
}
