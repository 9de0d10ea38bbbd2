// SPDX-License-Identifier: Apache-2.0
#include "app/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iterator>

namespace jb::app {
namespace {

// One per subcommand: what it is called, what it says, its own options.
using AddOptions = void (*)(CLI::App&, Invocation&);

void NoOptions(CLI::App&, Invocation&) {}

void ConfigOptions(CLI::App& app, Invocation& in) {
  app.add_option("--config", in.config_file, "TOML file")->type_name("FILE");
  app.add_option("--set", in.sets, "set one configuration key; repeatable, wins over file and environment")
      ->type_name("KEY=VALUE")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  app.footer(
      "Configuration: defaults < --config FILE < JBCALLING_SECTION_KEY environment < --set section.key=value.\n"
      "`jbcalling config` prints every key with its help.");
}

void ServeOptions(CLI::App& app, Invocation& in) {
  ConfigOptions(app, in);
  app.add_flag("--https", in.serve.https,
               "speak HTTPS with a certificate made here, so that phones and other devices, which give the\n"
               "microphone to secure pages only, can join after accepting it. Not needed with gateway.tls_cert");
}

void JoinOptions(CLI::App& app, Invocation& in) {
  JoinArguments& j = in.join;
  app.add_option("--url", j.url, "the gateway")->capture_default_str();
  app.add_option("--room", j.room, "room code")->required();
  app.add_option("--name", j.name, "name shown to others")->capture_default_str();
  app.add_option("--speaks", j.speaks, "language spoken (BCP-47)")->capture_default_str();
  app.add_option("--hears", j.hears, "language to hear (BCP-47)")->capture_default_str();
  app.add_option("--voice", j.voice, "translated or original")
      ->check(CLI::IsMember({"translated", "original"}))
      ->capture_default_str();
  app.add_option("--passcode", j.passcode, "of the room");
  app.add_option("--play", j.play, "WAV file to say")->type_name("FILE");
  app.add_flag("--loop", j.loop, "say it again and again");
  app.add_flag("--video", j.video, "send a test picture too");
  app.add_option("--video-file", j.video_file, "IVF file of VP8 to send instead of the test picture")
      ->type_name("FILE");
  app.add_option("--record", j.record, "WAV file to write what is heard to")->type_name("FILE");
  app.add_option("--captions", j.captions, "JSON-lines file to write captions to")->type_name("FILE");
  app.add_option("--duration", j.duration, "seconds to stay; 0: until the room or a signal ends it")
      ->check(CLI::Range(0.0, 86400.0))
      ->capture_default_str();
  app.add_flag("--insecure", j.insecure, "accept any TLS certificate");
  app.footer("Prints one JSON summary. Exit status 0 only if it joined and media flowed.");
}

void LoadOptions(CLI::App& app, Invocation& in) {
  LoadArguments& l = in.load;
  app.add_option("--url", l.url, "the server, on this machine")->capture_default_str();
  app.add_option("--room", l.room, "a room that is there (with --rooms N: NAME-1 to NAME-N); else rooms are made")
      ->type_name("NAME");
  app.add_option("--rooms", l.rooms, "how many rooms")->check(CLI::Range(1, 1000))->capture_default_str();
  app.add_option("--participants", l.participants, "in each room")->check(CLI::Range(1, 1000))->capture_default_str();
  app.add_option("--publishers", l.publishers, "of them, who send")->check(CLI::Range(1, 1000))->capture_default_str();
  app.add_option("--kind", l.kind, "what they send: audio, video or simulcast")
      ->check(CLI::IsMember({"audio", "video", "simulcast"}))
      ->capture_default_str();
  app.add_flag("--with-audio", l.with_audio, "who sends video sends audio too");
  app.add_option("--bitrate", l.bitrate, "of one publisher's payloads, bits per second; 0: as recorded")
      ->check(CLI::Range(0.0, 1e8))
      ->capture_default_str();
  app.add_option("--payload", l.payload, "bytes of every payload; 0: as recorded")
      ->check(CLI::Range(0, 1200))
      ->capture_default_str();
  app.add_option("--trace", l.trace, "another recording to replay")->type_name("FILE");
  app.add_option("--duration", l.duration, "seconds to measure, once all have joined")
      ->check(CLI::Range(0.1, 36000.0))
      ->capture_default_str();
  app.add_option("--ramp", l.ramp, "participants that begin to join, per second")
      ->check(CLI::Range(0.1, 10000.0))
      ->capture_default_str();
  app.add_option("--churn", l.churn, "leaves and joins, mutes, pauses and layer changes at random, per second")
      ->check(CLI::Range(0.0, 1000.0))
      ->capture_default_str();
  app.add_option("--seed", l.seed, "of what is random")->capture_default_str();
  app.add_option("--server-pid", l.server_pids, "process whose time and memory to report; repeatable")
      ->type_name("PID")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  app.add_flag("--insecure", l.insecure, "accept any TLS certificate");
  app.footer(
      "Prints one JSON report (docs/load.md). Exit status 0 only if everybody joined and media flowed to everybody.\n"
      "Goes to this machine only: loopback, or an address of this network namespace.");
}

void BackendOption(CLI::App& app, Invocation& in) {
  app.add_option("--backend", in.speech.backend, "which engine")->capture_default_str();
}

void TranscribeOptions(CLI::App& app, Invocation& in) {
  app.add_option("FILE", in.speech.input, "WAV, MP3, M4A or WebM")->required();
  app.add_option("--lang", in.speech.lang, "language spoken")->required();
  app.add_flag("--json", in.speech.json, "segments with times instead of plain text");
  BackendOption(app, in);
}

void TranslateOptions(CLI::App& app, Invocation& in) {
  app.add_option("TEXT", in.speech.input, "the text; - reads standard input")->required();
  app.add_option("--from", in.speech.from, "its language")->required();
  app.add_option("--to", in.speech.to, "language wanted")->required();
  BackendOption(app, in);
}

void SynthesizeOptions(CLI::App& app, Invocation& in) {
  app.add_option("TEXT", in.speech.input, "the text; - reads standard input")->required();
  app.add_option("--lang", in.speech.lang, "its language")->required();
  app.add_option("--voice", in.speech.voice, "which voice");
  app.add_option("--out", in.speech.out, "file to write, .wav, .opus or .pcm; -: WAV on standard output")
      ->required()
      ->type_name("FILE");
  BackendOption(app, in);
}

struct Row {
  Command command;
  const char* name;
  const char* help;
  AddOptions add_options;
};
constexpr Row kRows[] = {
    {Command::kServe, "serve", "everything on one machine: gateway, recognition, translation, voices", ServeOptions},
    {Command::kGateway, "gateway", "web app, REST, Socket.IO, media and interpreter", ConfigOptions},
    {Command::kStt, "stt", "the speech recognition service", ConfigOptions},
    {Command::kTranslation, "translation", "the translation service", ConfigOptions},
    {Command::kTts, "tts", "the speech synthesis service", ConfigOptions},
    {Command::kJoin, "join", "join a call without a browser", JoinOptions},
    {Command::kLoad, "load", "many headless participants, for measuring", LoadOptions},
    {Command::kTranscribe, "transcribe", "print what is said in a sound file", TranscribeOptions},
    {Command::kTranslate, "translate", "translate a text", TranslateOptions},
    {Command::kSynthesize, "synthesize", "say a text into a sound file", SynthesizeOptions},
    {Command::kConfig, "config", "print the effective configuration as TOML, secrets masked", ConfigOptions},
    {Command::kVersion, "version", "print the version", NoOptions},
};

// CLI11's texts end in hints over several lines; an error of ours is one line.
std::string OneLine(const std::string& text) { return "jbcalling: " + text.substr(0, text.find('\n')) + "\n"; }

// CLI11 would only say that a subcommand is required.
bool IsUnknownCommand(const std::string& word) {
  return !word.starts_with('-') &&
         std::none_of(std::begin(kRows), std::end(kRows), [&](const Row& row) { return word == row.name; });
}

}  // namespace

std::variant<Invocation, EarlyExit> ParseCommandLine(const std::vector<std::string>& arguments) {
  if (!arguments.empty() && IsUnknownCommand(arguments.front())) {
    return EarlyExit{2, OneLine(arguments.front() + ": there is no such command; see jbcalling --help")};
  }
  CLI::App app("JB Calling: video calls between people who share no language.", "jbcalling");
  app.require_subcommand(1);
  app.set_version_flag("--version", Version());
  Invocation in;
  for (const Row& row : kRows) {
    CLI::App* sub = app.add_subcommand(row.name, row.help);
    row.add_options(*sub, in);
    sub->callback([&in, &row] { in.command = row.command; });
  }
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());  // as CLI11 wants it
  try {
    app.parse(reversed);
  } catch (const CLI::CallForHelp&) {
    const auto chosen = app.get_subcommands();
    return EarlyExit{0, chosen.empty() ? app.help() : chosen.front()->help()};
  } catch (const CLI::CallForVersion& version) {
    return EarlyExit{0, std::string(version.what()) + "\n"};
  } catch (const CLI::ParseError& error) {
    if (arguments.empty()) return EarlyExit{2, app.help()};
    return EarlyExit{2, OneLine(error.what())};
  }
  return in;
}

}  // namespace jb::app
