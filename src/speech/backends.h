// SPDX-License-Identifier: Apache-2.0
// The backends by name, as the configuration names them. "auto" takes the best that is installed: today
// the embedded ones. Error codes: "unknown_backend", "backend_missing" (the message says what to install).
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "speech/recognizer.h"
#include "speech/synthesizer.h"
#include "speech/translator.h"

namespace jb::io {
class Loop;
}

namespace jb::speech {

// The loop must outlive the backend.
Result<std::unique_ptr<Recognizer>> MakeRecognizer(const std::string& backend, io::Loop& loop, int concurrency);
Result<std::unique_ptr<Translator>> MakeTranslator(const std::string& backend, io::Loop& loop);
Result<std::unique_ptr<Synthesizer>> MakeSynthesizer(const std::string& backend, io::Loop& loop, int concurrency);

}  // namespace jb::speech
