// SPDX-License-Identifier: Apache-2.0
// Recognizer over pocketsphinx: English, on the CPU. Each session has a thread of its own, because decoding
// takes a tenth to a third of the audio's time; decoders are lent to them from a pool, since one costs
// 115 MB and 0.2 s to load.
#pragma once

#include <memory>

#include "speech/pocketsphinx/decoder.h"
#include "speech/recognizer.h"

namespace jb::io {
class Loop;
}

namespace jb::speech {

// Fails with "backend_missing". The first decoder is loaded in the background at once.
Result<std::unique_ptr<Recognizer>> MakePocketsphinx(io::Loop& loop, int concurrency, const SphinxModel& model = {});

}  // namespace jb::speech
