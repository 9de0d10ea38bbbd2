// SPDX-License-Identifier: Apache-2.0
// The numbers of the interpreter, each with its unit and its reason.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/time.h"

namespace jb::interpreter {

using namespace std::chrono_literals;

struct InterpreterOptions {
  bool same_language_captions = true;

  // Gate (per microphone).
  Duration pre_roll = 300ms;        // sound before the gate opened that stt gets too: soft onsets
  Duration hangover = 300ms;        // silence that ends a clause
  Duration short_hangover = 450ms;  // the same while less than short_clause was said: "I think ..."
  Duration short_clause = 1s;
  Duration long_clause = 8s;  // from here on any dip of long_hangover ends it
  Duration long_hangover = 210ms;
  // The detector says "voice" for 9 frames more after speech (WebRTC's VAD in our mode; measured 50-110 ms past
  // -50 dBov, median 90, in noise as well). This much of a silence is over when it first says "none".
  Duration detector_tail = 90ms;
  Duration most_clause = 15s;         // flushed in the middle of speech
  std::int8_t gate_level_dbov = -65;  // quieter is no speech whatever the detector says

  // Requests.
  Duration translation_timeout = 4s;  // a busy machine's worst; the words are shown meanwhile
  Duration tts_timeout = 5s;          // reliability.md 2.11
  Duration stt_late = 2500ms;         // flush → final: longer is told as degraded (people hear within 5 s)
  Duration stt_final_timeout = 8s;    // longer: the stream is given up for a new one
  Duration stt_idle = 20s;            // a stream without speech is closed: sessions are scarce

  // Captions.
  Duration partial_interval = 150ms;  // between two revisions of one caption

  // Voice.
  double most_speed = 1.15;             // DESIGN.md 5
  Duration most_unspoken = 8s;          // estimated length of text waiting to be spoken; beyond, the oldest goes
  Duration synthesize_ahead = 2s;       // sound that may lie ready before the next request is made
  std::size_t utterance_chars = 200;    // longer text is synthesized in pieces
  Duration most_age = 12s;              // of a clause at the time its synthesis would start; older is not spoken
  std::size_t chars_per_minute = 3000;  // per speaker and language (reliability.md 2.11)
  int opus_bitrate_bps = 32000;
  int opus_complexity = 5;
};

}  // namespace jb::interpreter
