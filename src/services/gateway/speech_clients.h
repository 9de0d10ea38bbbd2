// SPDX-License-Identifier: Apache-2.0
// Clients of the three speech services, as docs/protocol.md section 4 has them. One loop each; results
// come on that loop. They carry and translate shapes; they retry nothing: the interpreter decides that.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/strong.h"
#include "interpreter/types.h"
#include "io/http_client.h"
#include "io/loop.h"
#include "io/websocket.h"

namespace jb::services {

struct SpeechUrls {
  std::string stt;  // "http://127.0.0.1:8002"
  std::string translation;
  std::string tts;
};

// One stream of one speaker's sound to /transcribe/stream.
class SttStream : public std::enable_shared_from_this<SttStream> {
 public:
  using EventHandler = std::function<void(const interpreter::SttEvent&)>;
  // Connects. Sound sent before the connection stands is kept, 5 s of it at most.
  static std::shared_ptr<SttStream> Open(io::Loop& loop, const std::string& url, const Language& lang,
                                         EventHandler on_event);
  void SendAudio(std::span<const std::int16_t> pcm_16k);
  void Flush();
  // No event comes afterwards.
  void Close();

 private:
  void Connected(Result<std::shared_ptr<io::WebSocket>> socket);
  void HandleText(std::string_view text);
  void Tell(const interpreter::SttEvent& event);
  void Ended(const std::string& why);

  struct Pending {
    bool flush = false;
    Bytes audio;
  };
  EventHandler on_event_;
  std::shared_ptr<io::WebSocket> socket_;
  std::vector<Pending> pending_;
  std::size_t pending_bytes_ = 0;
  bool closed_ = false;
};

class TranslationClient {
 public:
  using Done = std::function<void(interpreter::TranslationResult)>;
  TranslationClient(io::Loop& loop, std::string url) : http_(loop), url_(std::move(url)) {}
  // The id can be cancelled; `done` then never runs.
  std::uint64_t Translate(const std::string& text, const Language& from, const Language& to, Duration timeout,
                          Done done);
  // Has the translator of a direction started, so that the first sentence is fast. No answer, no retry.
  void Prepare(const Language& from, const Language& to);
  void Cancel(std::uint64_t id) { http_.Cancel(id); }

 private:
  io::HttpClient http_;
  const std::string url_;
};

class SynthesisClient {
 public:
  // 48 kHz mono; `last` comes once, with or without sound.
  using Audio = std::function<void(std::vector<std::int16_t> pcm, bool last)>;
  using Failed = std::function<void(const std::string& error)>;
  SynthesisClient(io::Loop& loop, std::string url) : http_(loop), url_(std::move(url)) {}
  std::uint64_t Synthesize(const std::string& text, const Language& lang, const std::string& voice, Audio audio,
                           Failed failed);
  void Cancel(std::uint64_t id) { http_.Cancel(id); }

 private:
  io::HttpClient http_;
  const std::string url_;
};

}  // namespace jb::services
