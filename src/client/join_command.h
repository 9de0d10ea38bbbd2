// SPDX-License-Identifier: Apache-2.0
// `jbcalling join`: one headless participant for as long as asked, one JSON summary on standard output.
#pragma once

#include <string>

#include "base/time.h"

namespace jb::client {

struct JoinOptions {
  std::string url;   // of the gateway: http://host:3000
  std::string room;  // its code
  std::string name = "headless";
  std::string speaks = "en";
  std::string hears = "en";
  std::string voice = "translated";  // or "original"
  std::string passcode;
  std::string play;  // WAV file; empty: no microphone
  bool loop = false;
  bool video = false;
  std::string video_file;                        // IVF of VP8; empty with `video`: the built-in test pattern
  std::string record;                            // WAV file for what is heard: 48 kHz mono
  std::string captions;                          // file for one JSON line per caption event
  Duration duration = std::chrono::seconds(30);  // in the room; 0: until the room or a signal ends it
  bool accept_any_certificate = false;
};

// Blocks. Returns the exit status: 0 only if it joined and media flowed, 2 for unusable options.
int RunJoin(const JoinOptions& options);

}  // namespace jb::client
