// SPDX-License-Identifier: Apache-2.0
// The speech backends from the shell: jbcalling transcribe|translate|synthesize. Each makes its own loop
// and backend, prints its result on standard output or a one-line reason on standard error, and returns
// the exit status: 0 done, 1 failed, 2 wrong arguments.
#pragma once

#include <string>

namespace jb::services {

struct TranscribeCommand {
  std::string file;
  std::string language = "en";
  std::string backend = "auto";
  bool json = false;  // segments with times instead of plain text
};
int RunTranscribe(const TranscribeCommand& command);

struct TranslateCommand {
  std::string text;  // "-": standard input
  std::string from;
  std::string to;
  std::string backend = "auto";
};
int RunTranslate(const TranslateCommand& command);

struct SynthesizeCommand {
  std::string text;  // "-": standard input
  std::string language;
  std::string voice;
  std::string out;  // a file; ".wav", ".opus"/".ogg" or ".pcm" by its name; "-": WAV on standard output
  std::string backend = "auto";
};
int RunSynthesize(const SynthesizeCommand& command);

}  // namespace jb::services
