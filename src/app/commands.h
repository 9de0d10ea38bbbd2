// SPDX-License-Identifier: Apache-2.0
// What each subcommand runs, in the process's main thread. Each returns the exit status and has printed why
// on standard error when it is not 0.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "app/config.h"

namespace jb::app {

struct ServeArguments {
  bool https = false;  // with a local certificate when none is configured
};

struct JoinArguments {
  std::string url = "http://localhost:3000";
  std::string room;
  std::string name = "headless";
  std::string speaks = "en";
  std::string hears = "en";
  std::string voice = "translated";
  std::string passcode;
  std::string play;   // a WAV file; empty: no microphone
  bool loop = false;  // say it again and again
  bool video = false;
  std::string video_file;  // IVF of VP8; empty with `video`: a test picture
  std::string record;      // a WAV file to write
  std::string captions;    // a JSON-lines file to write
  double duration = 30;    // seconds; 0: until the room or a signal ends it
  bool insecure = false;   // accept any TLS certificate
};

struct LoadArguments {
  std::string url = "http://localhost:3000";
  std::string room;  // empty: made by REST
  std::size_t rooms = 1;
  std::size_t participants = 2;  // in each room
  std::size_t publishers = 1;    // of them
  std::string kind = "audio";    // or "video", "simulcast"
  bool with_audio = false;       // a microphone beside the camera
  double bitrate = 0;            // bits per second of a publisher; 0: as recorded
  std::size_t payload = 0;       // bytes of each packet; 0: as recorded
  std::string trace;             // file; empty: the recording in the program
  double duration = 10;          // seconds that are measured
  double ramp = 50;              // joins begun per second
  double churn = 0;              // acts per second
  std::uint64_t seed = 1;
  std::vector<int> server_pids;
  bool insecure = false;
};

struct SpeechArguments {
  std::string input;  // a file, or a text; "-": standard input
  std::string lang;   // transcribe, synthesize
  std::string from, to;
  std::string voice;
  std::string out = "-";
  std::string backend = "auto";
  bool json = false;
};

int RunServe(const Config& config, const ServeArguments& arguments);
int RunGateway(const Config& config);
int RunStt(const Config& config);
int RunTranslation(const Config& config);
int RunTts(const Config& config);
int RunJoin(const JoinArguments& arguments);
int RunLoad(const LoadArguments& arguments);
int RunTranscribe(const SpeechArguments& arguments);
int RunTranslate(const SpeechArguments& arguments);
int RunSynthesize(const SpeechArguments& arguments);

// "0.1.0"
std::string Version();

}  // namespace jb::app
