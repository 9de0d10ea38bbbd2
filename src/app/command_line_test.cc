// SPDX-License-Identifier: Apache-2.0
#include "app/command_line.h"

#include <gtest/gtest.h>

namespace jb::app {
namespace {

using Arguments = std::vector<std::string>;

Invocation Parsed(const Arguments& arguments) {
  const auto result = ParseCommandLine(arguments);
  if (const auto* early = std::get_if<EarlyExit>(&result)) {
    ADD_FAILURE() << early->text;
    return {};
  }
  return std::get<Invocation>(result);
}
EarlyExit Early(const Arguments& arguments) {
  const auto result = ParseCommandLine(arguments);
  if (const auto* early = std::get_if<EarlyExit>(&result)) return *early;
  ADD_FAILURE() << "was accepted";
  return {};
}

TEST(CommandLine, ReadsRolesWithTheirConfiguration) {
  const Invocation in = Parsed({"stt", "--config", "a.toml", "--set", "stt.port=1", "--set", "log.level=debug"});
  EXPECT_EQ(in.command, Command::kStt);
  EXPECT_EQ(in.config_file, "a.toml");
  EXPECT_EQ(in.sets, (Arguments{"stt.port=1", "log.level=debug"}));
  EXPECT_TRUE(Parsed({"serve", "--https"}).serve.https);
  EXPECT_FALSE(Parsed({"serve"}).serve.https);
  EXPECT_EQ(Parsed({"config"}).command, Command::kConfig);
  EXPECT_EQ(Parsed({"version"}).command, Command::kVersion);
}

TEST(CommandLine, KeepsCommasInsideOneSet) {
  EXPECT_EQ(Parsed({"gateway", "--set", "media.announce=192.0.2.1,192.0.2.2"}).sets,
            (Arguments{"media.announce=192.0.2.1,192.0.2.2"}));
}

TEST(CommandLine, ReadsAJoin) {
  const Invocation in = Parsed({"join",     "--url", "https://h:1", "--room",  "abc",        "--name", "Ann Lee",
                                "--speaks", "vi",    "--hears",     "en",      "--play",     "a.wav",  "--video",
                                "--record", "o.wav", "--captions",  "c.jsonl", "--duration", "2.5",    "--insecure"});
  EXPECT_EQ(in.command, Command::kJoin);
  EXPECT_EQ(in.join.url, "https://h:1");
  EXPECT_EQ(in.join.room, "abc");
  EXPECT_EQ(in.join.name, "Ann Lee");
  EXPECT_EQ(in.join.speaks, "vi");
  EXPECT_TRUE(in.join.video);
  EXPECT_TRUE(in.join.insecure);
  EXPECT_EQ(in.join.record, "o.wav");
  EXPECT_EQ(in.join.captions, "c.jsonl");
  EXPECT_DOUBLE_EQ(in.join.duration, 2.5);
}

TEST(CommandLine, ReadsALoad) {
  const Invocation in =
      Parsed({"load", "--url", "http://127.0.0.1:3100", "--rooms", "2", "--participants", "10", "--publishers", "3", "--kind",
              "simulcast", "--bitrate", "500000", "--duration", "2.5", "--churn", "4", "--server-pid", "7", "--server-pid", "9"});
  EXPECT_EQ(in.command, Command::kLoad);
  EXPECT_EQ(in.load.url, "http://127.0.0.1:3100");
  EXPECT_EQ(in.load.rooms, 2u);
  EXPECT_EQ(in.load.participants, 10u);
  EXPECT_EQ(in.load.publishers, 3u);
  EXPECT_EQ(in.load.kind, "simulcast");
  EXPECT_EQ(in.load.bitrate, 500'000);
  EXPECT_EQ(in.load.duration, 2.5);
  EXPECT_EQ(in.load.churn, 4);
  EXPECT_EQ(in.load.server_pids, (std::vector<int>{7, 9}));
  EXPECT_EQ(Early({"load", "--kind", "smoke"}).status, 2);
  EXPECT_EQ(Early({"load", "--participants", "0"}).status, 2);
}

TEST(CommandLine, ReadsTheSpeechCommands) {
  EXPECT_EQ(Parsed({"transcribe", "a.wav", "--lang", "en"}).speech.input, "a.wav");
  const Invocation in = Parsed({"translate", "good morning", "--from", "en", "--to", "es"});
  EXPECT_EQ(in.speech.input, "good morning");
  EXPECT_EQ(in.speech.to, "es");
  EXPECT_EQ(Parsed({"synthesize", "hola", "--lang", "es", "--out", "o.wav"}).speech.out, "o.wav");
  EXPECT_EQ(Parsed({"translate", "-", "--from", "en", "--to", "es"}).speech.input, "-");
}

TEST(CommandLine, EveryCommandHasHelp) {
  for (const char* name : {"serve", "gateway", "stt", "translation", "tts", "join", "transcribe", "translate",
                           "synthesize", "config", "version"}) {
    const EarlyExit help = Early({name, "--help"});
    EXPECT_EQ(help.status, 0);
    EXPECT_NE(help.text.find(name), std::string::npos);
    EXPECT_NE(Early({"--help"}).text.find(name), std::string::npos);
  }
  EXPECT_NE(Early({"serve", "--help"}).text.find("--https"), std::string::npos);
  EXPECT_EQ(Early({"--version"}).text, Version() + "\n");
}

TEST(CommandLine, SaysInOneLineWhatIsWrong) {
  for (const Arguments& arguments :
       {Arguments{"fly"}, Arguments{"serve", "--fly"}, Arguments{"join"}, Arguments{"transcribe"},
        Arguments{"join", "--room", "a", "--duration", "x"}, Arguments{"join", "--room", "a", "--voice", "loud"},
        Arguments{"serve", "--set"}}) {
    const EarlyExit exit = Early(arguments);
    EXPECT_EQ(exit.status, 2);
    EXPECT_EQ(std::count(exit.text.begin(), exit.text.end(), '\n'), 1) << exit.text;
    EXPECT_TRUE(exit.text.starts_with("jbcalling: ")) << exit.text;
  }
  EXPECT_EQ(Early({}).status, 2);
  EXPECT_NE(Early({"fly"}).text.find("fly"), std::string::npos);
}

}  // namespace
}  // namespace jb::app
