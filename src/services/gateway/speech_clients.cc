// SPDX-License-Identifier: Apache-2.0
#include "services/gateway/speech_clients.h"

#include <cstring>

#include "base/json.h"
#include "io/clock.h"
#include "io/websocket_client.h"

namespace jb::services {
namespace {

constexpr std::size_t kPendingBytes = 5 * 16000 * 2;              // 5 s of 16 kHz s16le
// The interpreter ends clauses, after at most 450 ms; stt's own end only stands in for a flush that was lost.
constexpr const char* kStreamQuery = "/transcribe/stream?sample_rate=16000&endpoint_ms=700&lang=";
constexpr Duration kSynthesisTimeout = std::chrono::seconds(60);  // a whole utterance, heard as it comes
constexpr std::uint32_t kSynthesisRate = 48000;
constexpr const char* kCacheTotal = "jbcalling_translation_cache_total";
constexpr const char* kCacheHelp = "Translations asked for, by whether the service knew them already";

std::string WebSocketUrl(const std::string& http_url) {
  return "ws" + http_url.substr(std::string_view("http").size());  // http→ws, https→wss
}

// What an answer that is no 2xx says of itself.
std::string ErrorOf(const io::HttpResponse& response) {
  if (const auto body = ParseJson(response.body); body.ok()) {
    const json::value* error = GetMember(*body, "error");
    if (error && error->is_string()) return std::string(error->get_string());
    if (error) {
      if (const auto message = GetString(*error, "message")) return std::string(*message);
    }
  }
  return "HTTP " + std::to_string(response.status);
}

bool IsBusy(const Error& error) { return error.code == "busy"; }

io::HttpClientRequest JsonRequest(std::string url, const json::object& body) {
  io::HttpClientRequest request;
  request.method = "POST";
  request.url = std::move(url);
  request.headers.Add("Content-Type", "application/json");
  request.body = json::serialize(body);
  return request;
}

struct TranslationAnswer {
  interpreter::TranslationResult result;
  std::optional<bool> cached{};  // when the service says so
};

TranslationAnswer ReadTranslation(const Result<io::HttpResponse>& response) {
  if (!response.ok()) return {{.error = response.error().message, .busy = IsBusy(response.error())}};
  if (response->status != 200) return {{.error = ErrorOf(*response)}};
  const auto body = ParseJson(response->body);
  const auto cached = body.ok() ? GetBool(*body, "cached") : std::nullopt;
  const auto translated = body.ok() ? GetString(*body, "text") : std::nullopt;
  if (!translated) return {{.error = "an answer without text"}, cached};
  return {{.text = std::string(*translated)}, cached};
}

// Little-endian samples out of chunks that may split one.
class SampleReader {
 public:
  std::vector<std::int16_t> Push(ByteView chunk) {
    Bytes bytes = std::move(odd_);
    bytes.insert(bytes.end(), chunk.begin(), chunk.end());
    std::vector<std::int16_t> samples(bytes.size() / 2);
    for (std::size_t i = 0; i < samples.size(); ++i) {
      samples[i] = static_cast<std::int16_t>(bytes[2 * i] | (bytes[2 * i + 1] << 8));
    }
    odd_.assign(bytes.begin() + static_cast<std::ptrdiff_t>(samples.size() * 2), bytes.end());
    return samples;
  }

 private:
  Bytes odd_;
};

}  // namespace

std::shared_ptr<SttStream> SttStream::Open(io::Loop& loop, const std::string& url, const Language& lang,
                                           EventHandler on_event) {
  auto stream = std::make_shared<SttStream>();
  stream->on_event_ = std::move(on_event);
  io::WebSocketConnectOptions options;
  options.timeout = std::chrono::seconds(3);
  options.socket.idle_timeout = Duration::zero();  // silence is normal: the gate is closed
  io::ConnectWebSocket(
      loop, WebSocketUrl(url) + kStreamQuery + lang.value(), options,
      [stream](Result<std::shared_ptr<io::WebSocket>> socket) { stream->Connected(std::move(socket)); });
  return stream;
}

void SttStream::Connected(Result<std::shared_ptr<io::WebSocket>> socket) {
  if (closed_) {
    if (socket.ok()) (*socket)->Close();
    return;
  }
  if (!socket.ok()) return Ended(socket.error().message);
  socket_ = *socket;
  socket_->set_on_text([self = shared_from_this()](std::string_view text) { self->HandleText(text); });
  socket_->set_on_close([self = shared_from_this()](std::uint16_t code, std::string_view) {
    self->Ended("the stream closed with code " + std::to_string(code));
  });
  for (Pending& p : pending_) {
    if (p.flush) socket_->SendText(R"({"type":"flush"})");
    else socket_->SendBinary(std::move(p.audio));
  }
  pending_.clear();
  interpreter::SttEvent opened;
  opened.kind = interpreter::SttEvent::Kind::kOpened;
  Tell(opened);
}

void SttStream::SendAudio(std::span<const std::int16_t> pcm) {
  if (closed_) return;
  Bytes bytes(pcm.size() * 2);
  for (std::size_t i = 0; i < pcm.size(); ++i) {
    bytes[2 * i] = static_cast<std::uint8_t>(pcm[i]);
    bytes[2 * i + 1] = static_cast<std::uint8_t>(static_cast<std::uint16_t>(pcm[i]) >> 8);
  }
  if (socket_) {
    socket_->SendBinary(std::move(bytes));
  } else if (pending_bytes_ + bytes.size() <= kPendingBytes) {
    pending_bytes_ += bytes.size();
    pending_.push_back({.flush = false, .audio = std::move(bytes)});
  }
}

void SttStream::Flush() {
  if (closed_) return;
  if (socket_) socket_->SendText(R"({"type":"flush"})");
  else pending_.push_back({.flush = true, .audio = {}});
}

void SttStream::Close() {
  if (closed_) return;
  closed_ = true;
  on_event_ = {};
  pending_.clear();
  if (!socket_) return;
  socket_->SendText(R"({"type":"end"})");
  socket_->Close();
  socket_.reset();
}

void SttStream::HandleText(std::string_view text) {
  if (closed_) return;
  const auto message = ParseJson(text);
  if (!message.ok()) return;
  const std::string_view type = GetString(*message, "type").value_or("");
  interpreter::SttEvent event;
  if (type == "partial") event.kind = interpreter::SttEvent::Kind::kPartial;
  else if (type == "final") event.kind = interpreter::SttEvent::Kind::kFinal;
  else if (type == "error") return Ended(std::string(GetString(*message, "message").value_or("error")));
  else return;  // "done" is followed by the close; what is new is not for us
  event.segment = static_cast<std::uint64_t>(GetInt(*message, "id").value_or(0));
  event.text = std::string(GetString(*message, "text").value_or(""));
  event.start_s = GetNumber(*message, "start").value_or(0);
  event.end_s = GetNumber(*message, "end").value_or(0);
  if (const auto n = GetInt(*message, "flush")) event.flush = static_cast<std::uint32_t>(*n);
  Tell(event);
}

void SttStream::Tell(const interpreter::SttEvent& event) {
  // A copy: the handler may close this stream, which drops the original.
  const EventHandler on_event = on_event_;
  on_event(event);
}

void SttStream::Ended(const std::string& why) {
  if (closed_) return;
  closed_ = true;
  socket_.reset();
  pending_.clear();
  // Moved out first: the handler may drop this stream.
  const EventHandler on_event = std::move(on_event_);
  on_event_ = {};
  interpreter::SttEvent event;
  event.kind = interpreter::SttEvent::Kind::kClosed;
  event.error = why;
  on_event(event);
}

TranslationClient::TranslationClient(io::Loop& loop, std::string url, Metrics& metrics, int at_once)
    : url_(std::move(url)),
      hits_(metrics.GetCounter(kCacheTotal, kCacheHelp, {{"result", "hit"}})),
      misses_(metrics.GetCounter(kCacheTotal, kCacheHelp, {{"result", "miss"}})),
      queue_(loop, static_cast<std::size_t>(at_once)) {}

std::uint64_t TranslationClient::Translate(const std::string& text, const Language& from, const Language& to,
                                           Duration timeout, Done done) {
  const Time deadline = io::Now() + timeout;
  return queue_.Send(
      {.http = JsonRequest(url_ + "/translate", {{"text", text}, {"source", from.value()}, {"target", to.value()}}),
       .begin_by = deadline,
       .end_by = deadline,
       .on_chunk = {},
       .done = [this, counted = !text.empty(), done = std::move(done)](const Result<io::HttpResponse>& response) {
         TranslationAnswer answer = ReadTranslation(response);
         if (counted && answer.cached) (*answer.cached ? hits_ : misses_).Add();
         done(std::move(answer.result));
       }});
}

void TranslationClient::Prepare(const Language& from, const Language& to) {
  constexpr Duration kTimeout = std::chrono::seconds(2);
  // Empty text is answered at once, while the translator starts (the service's OpenAPI document).
  Translate("", from, to, kTimeout, [](const interpreter::TranslationResult&) {});
}

std::uint64_t SynthesisClient::Synthesize(const std::string& text, const Language& lang, const std::string& voice,
                                          Time begin_by, Audio audio, Failed failed) {
  auto reader = std::make_shared<SampleReader>();
  return queue_.Send({.http = JsonRequest(url_ + "/synthesize/stream", {{"text", text},
                                                                        {"lang", lang.value()},
                                                                        {"voice", voice},
                                                                        {"format", "pcm"},
                                                                        {"sample_rate", kSynthesisRate}}),
                      .begin_by = begin_by,
                      .end_by = begin_by + kSynthesisTimeout,
                      .on_chunk = [reader, audio](ByteView chunk) { audio(reader->Push(chunk), false); },
                      .done =
                          [audio, failed = std::move(failed)](const Result<io::HttpResponse>& response) {
                            if (!response.ok()) return failed(response.error().message, IsBusy(response.error()));
                            if (response->status != 200) return failed(ErrorOf(*response), false);
                            audio({}, true);
                          }});
}

}  // namespace jb::services
