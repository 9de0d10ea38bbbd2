// SPDX-License-Identifier: Apache-2.0
#include "speech/backends.h"

#include "speech/apertium/backend.h"
#include "speech/espeak/backend.h"
#include "speech/pocketsphinx/backend.h"

namespace jb::speech {
namespace {

Failure<Error> Unknown(const std::string& kind, const std::string& backend, const std::string& known) {
  return Fail("unknown_backend", "no " + kind + " backend is called \"" + backend + "\"; there are auto and " + known);
}

}  // namespace

Result<std::unique_ptr<Recognizer>> MakeRecognizer(const std::string& backend, io::Loop& loop, int concurrency) {
  if (backend == "auto" || backend == "pocketsphinx") return MakePocketsphinx(loop, concurrency);
  return Unknown("stt", backend, "pocketsphinx");
}

Result<std::unique_ptr<Translator>> MakeTranslator(const std::string& backend, io::Loop& loop) {
  if (backend == "auto" || backend == "apertium") return MakeApertium(loop);
  return Unknown("translation", backend, "apertium");
}

Result<std::unique_ptr<Synthesizer>> MakeSynthesizer(const std::string& backend, io::Loop& loop, int concurrency) {
  if (backend == "auto" || backend == "espeak" || backend == "espeak-ng") return MakeEspeak(loop, concurrency);
  return Unknown("tts", backend, "espeak");
}

}  // namespace jb::speech
