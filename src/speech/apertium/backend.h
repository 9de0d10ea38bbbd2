// SPDX-License-Identifier: Apache-2.0
// Translator over the installed apertium programs (GPL: run as children, never linked). Directions start
// with their first sentence, stay hot, and stop when unused or when more than kMostHot run.
#pragma once

#include <memory>

#include "base/time.h"
#include "speech/translator.h"

namespace jb::io {
class Loop;
}

namespace jb::speech {

struct ApertiumOptions {
  std::string modes_directory = "/usr/share/apertium/modes";
  std::size_t most_hot = 8;  // directions; 84-706 MB each before shared pages are counted once
  Duration stop_after = std::chrono::minutes(15);
};

// "backend_missing" when no direction is installed.
Result<std::unique_ptr<Translator>> MakeApertium(io::Loop& loop, const ApertiumOptions& options = {});

}  // namespace jb::speech
