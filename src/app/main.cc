// SPDX-License-Identifier: Apache-2.0
#include <cstdio>

#include "app/command_line.h"

namespace jb::app {
namespace {

int RunConfigured(const Invocation& in) {
  const auto config = LoadConfig({in.config_file, Environment(), in.sets});
  if (!config.ok()) {
    std::fprintf(stderr, "jbcalling: %s\n", config.error().message.c_str());
    return 1;
  }
  switch (in.command) {
    case Command::kServe: return RunServe(*config, in.serve);
    case Command::kGateway: return RunGateway(*config);
    case Command::kStt: return RunStt(*config);
    case Command::kTranslation: return RunTranslation(*config);
    case Command::kTts: return RunTts(*config);
    default: break;
  }
  std::fputs(PrintConfig(*config).c_str(), stdout);
  return 0;
}

int Run(const Invocation& in) {
  switch (in.command) {
    case Command::kJoin: return RunJoin(in.join);
    case Command::kLoad: return RunLoad(in.load);
    case Command::kTranscribe: return RunTranscribe(in.speech);
    case Command::kTranslate: return RunTranslate(in.speech);
    case Command::kSynthesize: return RunSynthesize(in.speech);
    case Command::kVersion: return std::puts(Version().c_str()) < 0 ? 1 : 0;
    default: return RunConfigured(in);
  }
}

}  // namespace
}  // namespace jb::app

int main(int argc, char** argv) {
  const auto parsed = jb::app::ParseCommandLine({argv + 1, argv + argc});
  if (const auto* early = std::get_if<jb::app::EarlyExit>(&parsed)) {
    std::fputs(early->text.c_str(), early->status == 0 ? stdout : stderr);
    return early->status;
  }
  return jb::app::Run(std::get<jb::app::Invocation>(parsed));
}
