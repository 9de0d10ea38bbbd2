// SPDX-License-Identifier: Apache-2.0
#include "services/shell_commands.h"

#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>

#include "io/loop.h"
#include "media/audio/wav.h"
#include "services/stt/transcript_formats.h"
#include "services/stt/upload_decoder.h"
#include "services/tts/speech_output.h"
#include "speech/backends.h"

namespace jb::services {
namespace {

constexpr Duration kPatience = std::chrono::minutes(30);
constexpr int kRate = 24000;

int Refuse(const char* command, const Error& error) {
  std::fprintf(stderr, "jbcalling %s: %s\n", command, error.message.c_str());
  const bool callers = error.code.starts_with("unsupported") || error.code.starts_with("invalid");
  return callers ? 2 : 1;
}

std::string ReadAll(std::istream& in) { return {std::istreambuf_iterator<char>(in), {}}; }

std::string TextOf(const std::string& argument) {
  if (argument != "-") return argument;
  std::string text = ReadAll(std::cin);
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  return text;
}

}  // namespace

int RunTranscribe(const TranscribeCommand& command) {
  std::ifstream in(command.file, std::ios::binary);
  if (!in) return Refuse("transcribe", {"no_file", "cannot read " + command.file});
  io::Loop loop("transcribe");
  auto recognizer = speech::MakeRecognizer(command.backend, loop, 1);
  if (!recognizer.ok()) return Refuse("transcribe", recognizer.error());

  std::optional<Result<speech::Transcript>> result;
  std::unique_ptr<speech::Job> job;
  auto decoder = UploadDecoder::Start(loop, ReadAll(in), [&](Result<std::vector<std::int16_t>> pcm) {
    if (!pcm.ok()) return void(result.emplace(Fail(pcm.error())));
    auto started = (*recognizer)->Transcribe(*std::move(pcm), command.language, [&](Result<speech::Transcript> t) {
      result.emplace(std::move(t));
    });
    if (started.ok()) job = *std::move(started);
    else result.emplace(Fail(started.error()));
  });
  if (!loop.RunUntil([&] { return result.has_value(); }, kPatience)) {
    return Refuse("transcribe", {"timeout", "no result in time"});
  }
  if (!result->ok()) return Refuse("transcribe", result->error());
  const std::string text = command.json ? json::serialize(OwnTranscript(**result, command.language)) : (*result)->text;
  std::printf("%s\n", text.c_str());
  return 0;
}

int RunTranslate(const TranslateCommand& command) {
  io::Loop loop("translate");
  auto translator = speech::MakeTranslator(command.backend, loop);
  if (!translator.ok()) return Refuse("translate", translator.error());
  std::optional<Result<speech::Translation>> result;
  (*translator)->Translate(TextOf(command.text), command.from, command.to, [&](Result<speech::Translation> t) {
    result.emplace(std::move(t));
  });
  if (!loop.RunUntil([&] { return result.has_value(); }, kPatience)) {
    return Refuse("translate", {"timeout", "no result in time"});
  }
  if (!result->ok()) return Refuse("translate", result->error());
  std::printf("%s\n", (*result)->text.c_str());
  return 0;
}

int RunSynthesize(const SynthesizeCommand& command) {
  io::Loop loop("synthesize");
  auto synthesizer = speech::MakeSynthesizer(command.backend, loop, 1);
  if (!synthesizer.ok()) return Refuse("synthesize", synthesizer.error());
  const bool opus = command.out.ends_with(".opus") || command.out.ends_with(".ogg");
  std::vector<std::int16_t> pcm;
  std::optional<Status<>> status;
  auto job = (*synthesizer)
                 ->Start({.text = TextOf(command.text),
                          .language = command.language,
                          .voice = command.voice,
                          .sample_rate_hz = opus ? 48000 : kRate,
                          .speed = 1},
                         {.on_audio = [&](auto chunk) { pcm.insert(pcm.end(), chunk.begin(), chunk.end()); },
                          .on_done = [&](Status<> s) { status.emplace(std::move(s)); }});
  if (!job.ok()) return Refuse("synthesize", job.error());
  if (!loop.RunUntil([&] { return status.has_value(); }, kPatience)) {
    return Refuse("synthesize", {"timeout", "no result in time"});
  }
  if (!status->ok()) return Refuse("synthesize", status->error());

  Bytes file;
  if (opus) {
    OggOpusWriter writer(1);
    file = writer.Push(pcm);
    const Bytes rest = writer.Finish();
    file.insert(file.end(), rest.begin(), rest.end());
  } else {
    file = media::WriteWav(pcm, kRate, 1);
    if (command.out.ends_with(".pcm")) file.erase(file.begin(), file.begin() + media::kWavHeaderBytes);
  }
  if (command.out == "-") return std::fwrite(file.data(), 1, file.size(), stdout) == file.size() ? 0 : 1;
  std::ofstream out(command.out, std::ios::binary);
  out.write(reinterpret_cast<const char*>(file.data()), static_cast<std::streamsize>(file.size()));
  return out.flush() ? 0 : Refuse("synthesize", {"no_file", "cannot write " + command.out});
}

}  // namespace jb::services
