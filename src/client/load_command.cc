// SPDX-License-Identifier: Apache-2.0
#include "client/load_command.h"

#include <csignal>
#include <cstdio>
#include <fstream>
#include <iterator>

#include "client/load_target.h"
#include "io/file_limit.h"
#include "io/process_stat.h"

namespace jb::client {
namespace {

constexpr std::size_t kMaxParticipants = 5000;         // sockets and memory of one machine
constexpr Duration kLongest = std::chrono::hours(24);  // of a whole run, joins and all
constexpr std::uint64_t kFilesEach = 4;                // two UDP sockets, a WebSocket and one to spare

int Complain(const Error& error) {
  std::fprintf(stderr, "load: %s (%s)\n", error.message.c_str(), error.code.c_str());
  return 2;
}

Result<MediaTrace> ReadTrace(const std::string& path) {
  if (path.empty()) return ChromiumTrace();
  std::ifstream file(path, std::ios::binary);
  if (!file) return Fail("cannot_read", "cannot read " + path);
  return ParseTrace(std::string{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()});
}

Status<> Check(const LoadOptions& options) {
  const std::size_t all = options.rooms * options.participants;
  if (all > kMaxParticipants) {
    return Fail("too_many", std::to_string(all) + " participants are more than " + std::to_string(kMaxParticipants));
  }
  if (options.publishers > options.participants) {
    return Fail("too_many", "more publishers than participants");
  }
  if (options.shape.payload != 0 && options.shape.payload < kMinLoadPayload) {
    return Fail("too_small", "a payload has at least " + std::to_string(kMinLoadPayload) + " bytes");
  }
  if (io::RaiseFileLimit() < all * kFilesEach + 64) {
    return Fail("few_files", "too few files may be open for " + std::to_string(all) + " participants: raise ulimit -n");
  }
  for (const pid_t pid : options.server_pids) {
    if (!io::ReadProcessUsage(pid)) return Fail("no_process", "there is no process " + std::to_string(pid));
  }
  return CheckLoadTarget(options.url);
}

}  // namespace

int RunLoad(const LoadOptions& options) {
  if (const auto status = Check(options); !status.ok()) return Complain(status.error());
  const auto trace = ReadTrace(options.trace);
  if (!trace.ok()) return Complain(trace.error());

  io::Loop loop("load");
  LoadRun run(loop, options, *trace);
  loop.OnSignal({SIGINT, SIGTERM}, [&](int) { run.Interrupt(); });
  run.Start();
  loop.RunUntil([&] { return run.done(); }, kLongest);
  std::printf("%s\n", json::serialize(run.Report()).c_str());
  std::fflush(stdout);
  return run.succeeded() ? 0 : 1;
}

}  // namespace jb::client
