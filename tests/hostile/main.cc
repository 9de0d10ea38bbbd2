// SPDX-License-Identifier: Apache-2.0
// Hostile input, many datagrams per second, to a server on this machine while others use it:
//
//   hostile URL ROOM [RATE=100000] [SECONDS=10]
//
// Prints one JSON object: what was sent, and what came back to those who have proved nothing. Exit status 1 when that
// was more than they sent, 2 when it could not begin.
#include <cstdio>
#include <cstdlib>

#include "client/load_target.h"
#include "hostile/attack.h"

namespace jb::hostile {
namespace {

int Complain(const Error& error) {
  std::fprintf(stderr, "hostile: %s (%s)\n", error.message.c_str(), error.code.c_str());
  return 2;
}

int Main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: hostile URL ROOM [RATE=100000] [SECONDS=10]\n");
    return 2;
  }
  const double rate = argc > 3 ? std::atof(argv[3]) : 100'000;
  const double seconds = argc > 4 ? std::atof(argv[4]) : 10;
  if (const auto target = client::CheckLoadTarget(argv[1]); !target.ok()) return Complain(target.error());
  io::Loop loop("hostile");
  Attack attack(loop, argv[1], argv[2]);
  if (const auto ready = attack.Prepare(); !ready.ok()) return Complain(ready.error());
  attack.Run(rate, std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds)));
  std::printf("%s\n", json::serialize(attack.Report()).c_str());
  return attack.Amplified() ? 1 : 0;
}

}  // namespace
}  // namespace jb::hostile

int main(int argc, char** argv) { return jb::hostile::Main(argc, argv); }
