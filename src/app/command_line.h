// SPDX-License-Identifier: Apache-2.0
// jbcalling's command line, parsed. Starts nothing. CLI11 stays in command_line.cc.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "app/commands.h"

namespace jb::app {

enum class Command : std::uint8_t {
  kServe,
  kGateway,
  kStt,
  kTranslation,
  kTts,
  kJoin,
  kLoad,
  kTranscribe,
  kTranslate,
  kSynthesize,
  kConfig,
  kVersion
};

struct Invocation {
  Command command = Command::kServe;
  std::optional<std::string> config_file;
  std::vector<std::string> sets;
  ServeArguments serve;
  JoinArguments join;
  LoadArguments load;
  SpeechArguments speech;
};

// Nothing is to be run: help was asked for (0), or the arguments are wrong (2).
struct EarlyExit {
  int status = 0;
  std::string text;  // for standard output when status is 0, else for standard error
};

// `arguments` without the program's name.
std::variant<Invocation, EarlyExit> ParseCommandLine(const std::vector<std::string>& arguments);

}  // namespace jb::app
