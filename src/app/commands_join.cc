// SPDX-License-Identifier: Apache-2.0
// `join`: a headless participant.
#include "app/commands.h"
#include "base/log.h"
#include "client/join_command.h"

namespace jb::app {

int RunJoin(const JoinArguments& arguments) {
  SetLog(LogLevel::kWarn, LogFormat::kText, "join");  // standard output is the summary's alone
  client::JoinOptions options;
  options.url = arguments.url;
  options.room = arguments.room;
  options.name = arguments.name;
  options.speaks = arguments.speaks;
  options.hears = arguments.hears;
  options.voice = arguments.voice;
  options.passcode = arguments.passcode;
  options.play = arguments.play;
  options.loop = arguments.loop;
  options.video = arguments.video || !arguments.video_file.empty();
  options.video_file = arguments.video_file;
  options.record = arguments.record;
  options.captions = arguments.captions;
  options.duration = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(arguments.duration));
  options.accept_any_certificate = arguments.insecure;
  return client::RunJoin(options);
}

}  // namespace jb::app
