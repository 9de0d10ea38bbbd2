// SPDX-License-Identifier: Apache-2.0
// `load`: many headless participants.
#include "app/commands.h"
#include "base/log.h"
#include "client/load_command.h"

namespace jb::app {

int RunLoad(const LoadArguments& arguments) {
  SetLog(LogLevel::kWarn, LogFormat::kText, "load");  // standard output is the report's alone
  const auto seconds = [](double s) { return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(s)); };
  client::LoadOptions options;
  options.url = arguments.url;
  options.accept_any_certificate = arguments.insecure;
  options.room = arguments.room;
  options.rooms = arguments.rooms;
  options.participants = arguments.participants;
  options.publishers = arguments.publishers;
  if (arguments.kind == "video") options.kind = client::LoadKind::kVideo;
  if (arguments.kind == "simulcast") options.kind = client::LoadKind::kSimulcast;
  options.with_audio = arguments.with_audio;
  options.shape = {.bitrate = arguments.bitrate, .payload = arguments.payload};
  options.trace = arguments.trace;
  options.duration = seconds(arguments.duration);
  options.ramp = arguments.ramp;
  options.churn = arguments.churn;
  options.seed = arguments.seed;
  options.server_pids.assign(arguments.server_pids.begin(), arguments.server_pids.end());
  return client::RunLoad(options);
}

}  // namespace jb::app
