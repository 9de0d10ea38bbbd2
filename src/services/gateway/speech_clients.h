// SPDX-License-Identifier: Apache-2.0
// Clients of the three speech services, as docs/protocol.md section 4 has them. One loop each; results
// come on that loop. They carry and translate shapes, and ask no more at once than a service takes. They
// retry only what was refused because a service has too much to do: the rest is the interpreter's to decide.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/metrics.h"
#include "base/result.h"
#include "base/strong.h"
#include "interpreter/types.h"
#include "io/loop.h"
#include "io/websocket.h"
#include "services/gateway/speech_clients_queue.h"

namespace jb::services {

struct SpeechUrls {
  std::string stt;  // "http://127.0.0.1:8002"
  std::string translation;
  std::string tts;
  // How much each does at once; the gateway asks for less.
  int translation_concurrency = 6;
  int tts_concurrency = 6;
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
  TranslationClient(io::Loop& loop, std::string url, Metrics& metrics, int at_once);
  // The id can be cancelled; `done` then never runs. `timeout` counts from now, waiting for a place included.
  std::uint64_t Translate(const std::string& text, const Language& from, const Language& to, Duration timeout,
                          Done done);
  // Has the translator of a direction started, so that the first sentence is fast. No answer.
  void Prepare(const Language& from, const Language& to);
  void Cancel(std::uint64_t id) { queue_.Cancel(id); }

 private:
  const std::string url_;
  Counter hits_, misses_;  // of the service's cache, as its answers say
  RequestQueue queue_;
};

class SynthesisClient {
 public:
  // 48 kHz mono; `last` comes once, with or without sound.
  using Audio = std::function<void(std::vector<std::int16_t> pcm, bool last)>;
  // `busy`: the service lives and had no place in time.
  using Failed = std::function<void(const std::string& error, bool busy)>;
  SynthesisClient(io::Loop& loop, std::string url, int at_once)
      : url_(std::move(url)), queue_(loop, static_cast<std::size_t>(at_once)) {}
  // `begin_by`: later it need not begin.
  std::uint64_t Synthesize(const std::string& text, const Language& lang, const std::string& voice, Time begin_by,
                           Audio audio, Failed failed);
  void Cancel(std::uint64_t id) { queue_.Cancel(id); }

 private:
  const std::string url_;
  RequestQueue queue_;
};

}  // namespace jb::services
