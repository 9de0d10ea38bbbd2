// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <map>
#include <set>

#include "base/utf8.h"
#include "io/http_server.h"
#include "io/loop.h"
#include "services/common/http_face.h"
#include "services/common/multipart.h"
#include "services/stt/openapi.h"
#include "services/stt/service.h"
#include "services/stt/stream_session.h"
#include "services/stt/transcript_formats.h"
#include "services/stt/upload_decoder.h"
#include "speech/backends.h"
#include "speech/text/languages.h"

namespace jb::services {
namespace {

constexpr std::size_t kMaxForm = kMaxUploadBytes + 64 * 1024;  // the other fields of a form
constexpr std::size_t kMaxStream = 1u << 30;                   // 9 hours of 16 kHz
constexpr std::size_t kMaxFrame = 1u << 20;                    // bytes of one WebSocket message
// A sender faster than the recogniser is read no further at this much, well below where sound is lost.
constexpr std::size_t kMostBacklog = 10 * speech::kRecognizerRateHz;
constexpr std::size_t kPiece = std::size_t{2} * speech::kRecognizerRateHz;  // bytes: a second, or two of 8 kHz
constexpr Duration kLookAgain = std::chrono::milliseconds(20);  // whether it has caught up
const std::vector<double> kBounds = {0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2, 5, 10, 30, 60};

// The primary subtag, or what was asked for where it is no tag, so that the refusal can name it.
std::string LanguageOf(std::string_view asked) {
  if (asked.empty()) return "en";
  const std::string primary = speech::PrimaryLanguage(asked);
  if (!primary.empty()) return primary;
  constexpr std::size_t kLongestNamed = 35;  // RFC 5646 section 4.4.1
  return asked.size() <= kLongestNamed && IsValidUtf8(asked) ? std::string(asked) : "?";
}

// The recording and the fields beside it, from a form or a raw body.
struct Upload {
  std::string bytes;
  std::map<std::string, std::string> fields;
  std::set<std::string> granularities;  // OpenAI's timestamp_granularities[], which comes once per value

  void AddField(const std::string& name, std::string value) {
    if (name == "timestamp_granularities[]") granularities.insert(std::move(value));
    else fields[name] = std::move(value);
  }
};

Error TooLarge() { return {"too_large", "A recording has at most 25 MiB."}; }

bool SaysItIsTooLarge(const io::HttpRequest& request) {
  std::size_t length = 0;
  const std::string_view text = request.headers["Content-Length"];
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
  return error == std::errc() && end == text.data() + text.size() && length > kMaxForm;
}

Result<Upload> ReadUpload(const io::HttpRequest& request, std::string body) {
  Upload upload;
  for (const auto& [key, value] : request.query.pairs()) upload.AddField(key, value);
  if (request.content_type() != "multipart/form-data") {
    upload.bytes = std::move(body);
  } else {
    const auto parts = ParseMultipart(request.headers["Content-Type"], body);
    if (!parts.ok()) return Fail("invalid_request", "The multipart form is broken.");
    for (const FormPart& part : *parts) {
      if (part.name == "file") upload.bytes = part.data;
      else upload.AddField(part.name, std::string(part.data));
    }
  }
  if (upload.bytes.empty()) return Fail("invalid_request", "There is no recording: send it as `file` or as the body.");
  if (upload.bytes.size() > kMaxUploadBytes) return Fail(TooLarge());
  return upload;
}

int StatusOf(const Error& error) {
  if (error.code == "busy") return 429;
  if (error.code == "timeout") return 408;
  if (error.code == "too_large" || error.code == "too_long" || error.code == "decode_limit") return 413;
  if (error.code == "unsupported_media") return 415;
  return error.code == "decoder_failed" || error.code == "backend_failed" ? 500 : 400;
}

io::HttpResponse OwnError(const Error& error) {
  const int status = StatusOf(error);
  return status == 429 ? BusyResponse() : io::ErrorResponse(status, error.code, error.message);
}

io::HttpResponse OpenAiRefusal(const Error& error) { return OpenAiError(StatusOf(error), error.message, error.code); }

struct StreamParameters {
  std::string language;
  int sample_rate_hz = speech::kRecognizerRateHz;
  speech::RecognitionOptions recognition;
};

// False: not a whole number within the bounds.
bool ReadNumber(std::string_view text, int least, int most, int& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size() && out >= least && out <= most;
}

Result<StreamParameters> ReadStreamParameters(const io::HttpRequest& request) {
  StreamParameters out;
  out.language = LanguageOf(request.query.Get("lang").value_or(""));
  const auto rate = request.query.Get("sample_rate");
  if (rate && !rate->empty() && !ReadNumber(*rate, 8000, 48000, out.sample_rate_hz)) {
    return Fail("invalid_request", "`sample_rate` is 8000 to 48000.");
  }
  if (const auto silence = request.query.Get("endpoint_ms"); silence && !silence->empty()) {
    int ms = 0;
    if (!ReadNumber(*silence, 100, 5000, ms)) return Fail("invalid_request", "`endpoint_ms` is 100 to 5000.");
    out.recognition.end_silence = std::chrono::milliseconds(ms);
  }
  return out;
}

class SttServiceImpl : public SttService {
 public:
  SttServiceImpl(io::Loop& loop, std::unique_ptr<speech::Recognizer> backend, const SttServiceConfig& config,
                 Metrics& metrics)
      : loop_(loop),
        upload_within_(config.upload_within),
        backend_(std::move(backend)),
        face_(metrics, std::string(backend_->name()), SttOpenApi(),
              [this](json::object& health) {
                json::array languages;
                for (const std::string& language : backend_->languages()) languages.emplace_back(language);
                health["languages"] = std::move(languages);
                health["sessions"] = backend_->stats().sessions;
                health["concurrency"] = backend_->stats().concurrency;
              }),
        slots_(config.concurrency),
        seconds_(
            metrics.GetHistogram("jbcalling_stage_seconds", "Whole recording to text", kBounds, {{"stage", "stt"}})) {
    AddRoutes();
  }
  ~SttServiceImpl() override { *alive_ = false; }

  Status<> Listen(const SttServiceConfig& config) {
    io::HttpServerConfig http;
    http.host = config.host;
    http.port = config.port;
    JB_TRY(server_, io::HttpServer::Listen(loop_, http, face_));
    return kOk;
  }
  std::uint16_t port() const override { return server_->port(); }
  std::vector<std::pair<std::string, std::string>> routes() const override { return face_.Routes(); }

 private:
  using Refuse = io::HttpResponse (*)(const Error&);
  using Present = std::function<io::HttpResponse(const speech::Transcript&, const std::string& language)>;
  // One chunked POST; erased when it is answered or its peer has gone.
  struct Stream {
    Stream(std::shared_ptr<StreamSession> s, io::Loop& loop) : session(std::move(s)), look_again(loop) {}
    std::shared_ptr<StreamSession> session;
    io::Timer look_again;
  };
  // What holds one upload's work; erased when it is answered or its peer has gone.
  struct Work {
    Work(std::shared_ptr<void> s, io::Loop& loop) : slot(std::move(s)), arrive_by(loop) {}
    std::shared_ptr<void> slot;
    io::Timer arrive_by;
    std::unique_ptr<UploadDecoder> decoder;
    std::unique_ptr<speech::Job> job;
  };

  void AddRoutes() {
    // The limit of uploads is kept here, not by the server, whose refusal has no dialect.
    const io::BodyPolicy upload{.max_bytes = kMaxStream, .stream = true};
    face_.Add({.method = "POST",
               .path = "/transcribe",
               .body = upload,
               .handle = [this](io::HttpRequest request, ResponderPtr to, const std::string&) {
                 Transcribe(std::move(request), std::move(to), /*open_ai=*/false);
               }});
    face_.Add({.method = "POST",
               .path = "/v1/audio/transcriptions",
               .body = upload,
               .handle = [this](io::HttpRequest request, ResponderPtr to, const std::string&) {
                 Transcribe(std::move(request), std::move(to), /*open_ai=*/true);
               }});
    face_.Add({.method = "POST",
               .path = "/transcribe/stream",
               .body = {.max_bytes = kMaxStream, .stream = true},
               .handle = [this](io::HttpRequest request, ResponderPtr to, const std::string&) {
                 StreamPost(request, std::move(to));
               }});
    face_.Add({.method = "GET",
               .path = "/v1/models",
               .body = {},
               .handle = [this](io::HttpRequest, ResponderPtr to, const std::string&) { ListModels(to); }});
    face_.AddUpgrade("/transcribe/stream",
                     [this](io::HttpRequest request, std::shared_ptr<io::WebSocketAcceptor> acceptor) {
                       StreamSocket(request, std::move(acceptor));
                     });
  }

  // --- whole recordings ---

  void Transcribe(io::HttpRequest request, ResponderPtr to, bool open_ai) {
    const Refuse refuse = open_ai ? OpenAiRefusal : OwnError;
    if (SaysItIsTooLarge(request)) return to->Send(refuse(TooLarge()));
    // Before the body is read: 25 MiB are not taken in from more callers than can be served.
    auto slot = slots_.Take();
    if (!slot) return to->Send(refuse({"busy", "Too many recordings at once. Try again shortly."}));
    const std::uint64_t id = ++last_work_;
    Work& work = work_.try_emplace(id, std::move(slot), loop_).first->second;
    work.arrive_by.StartIn(upload_within_, [this, id, to, refuse] {
      Answer(id, to, refuse({"timeout", "The recording did not arrive in time."}));
    });
    to->set_on_closed([this, id, alive = alive_] {
      if (*alive) work_.erase(id);
    });
    // Once answered, the body is no more heard of.
    ReadWholeBody(to, kMaxForm,
                  [this, id, to, refuse, open_ai, request = std::move(request)](Result<std::string> body) {
                    // To a peer that is gone, or was answered, nothing is sent; the slot is freed.
                    if (!body.ok())
                      return Answer(id, to, refuse(body.error().code == "too_large" ? TooLarge() : body.error()));
                    if (const auto found = work_.find(id); found != work_.end()) found->second.arrive_by.Cancel();
                    auto upload = ReadUpload(request, *std::move(body));
                    if (!upload.ok()) return Answer(id, to, refuse(upload.error()));
                    auto present = open_ai ? OpenAiPresent(*upload) : Result<Present, io::HttpResponse>(Present(OwnPresent));
                    if (!present.ok()) return Answer(id, to, present.error());
                    Decode(id, to, refuse, *std::move(present), *std::move(upload));
                  });
  }

  static io::HttpResponse OwnPresent(const speech::Transcript& transcript, const std::string& language) {
    return JsonResponse(200, OwnTranscript(transcript, language));
  }

  static Result<Present, io::HttpResponse> OpenAiPresent(const Upload& upload) {
    const auto asked = upload.fields.find("response_format");
    const auto format = ParseOpenAiFormat(asked == upload.fields.end() ? "json" : asked->second);
    if (!format) {
      return Fail(OpenAiError(400, "response_format is json, text, srt, verbose_json or vtt.", "invalid_value",
                              "response_format"));
    }
    for (const std::string& times : upload.granularities) {
      if (times == "word" || times == "segment") continue;
      return Fail(OpenAiError(400, "timestamp_granularities[] is word or segment.", "invalid_value",
                              "timestamp_granularities"));
    }
    const bool words = upload.granularities.contains("word");
    return Present([format = *format, words](const speech::Transcript& transcript, const std::string& language) {
      return OpenAiTranscript(transcript, language, format, words);
    });
  }

  void Decode(std::uint64_t id, ResponderPtr to, Refuse refuse, Present present, Upload upload) {
    const auto lang = upload.fields.contains("lang") ? upload.fields["lang"] : upload.fields["language"];
    const std::string language = LanguageOf(lang);
    const auto work = work_.find(id);
    if (work == work_.end()) return;
    const auto known = backend_->languages();
    if (std::find(known.begin(), known.end(), language) == known.end()) {
      return Answer(id, to, refuse({"unsupported_language", "No speech of \"" + language + "\" is recognised here."}));
    }
    work->second.decoder =
        UploadDecoder::Start(loop_, std::move(upload.bytes),
                             [this, id, to, refuse, present, language](Result<std::vector<std::int16_t>> pcm) {
                               if (!pcm.ok()) return Answer(id, to, refuse(pcm.error()));
                               Recognize(id, to, refuse, present, language, *std::move(pcm));
                             });
  }

  void Recognize(std::uint64_t id, const ResponderPtr& to, Refuse refuse, const Present& present,
                 const std::string& language, std::vector<std::int16_t> pcm) {
    const Time begun = io::Now();
    auto job = backend_->Transcribe(std::move(pcm), language, [=, this](Result<speech::Transcript> transcript) {
      seconds_.Observe(ToSeconds(io::Now() - begun));
      Answer(id, to, transcript.ok() ? present(*transcript, language) : refuse(transcript.error()));
    });
    if (!job.ok()) return Answer(id, to, refuse(job.error()));
    if (const auto work = work_.find(id); work != work_.end()) work->second.job = *std::move(job);
  }

  // May be called from inside the decoder or the job: they are let go on a later turn.
  void Answer(std::uint64_t id, const ResponderPtr& to, io::HttpResponse response) {
    to->Send(std::move(response));
    auto node = std::make_shared<decltype(work_)::node_type>(work_.extract(id));
    loop_.Post([node] {});
  }

  void ListModels(const ResponderPtr& to) const {
    json::array models;
    for (const char* id : {"whisper-1", "gpt-4o-transcribe"}) {  // the names clients ask for by default
      models.push_back(json::object{{"id", id}, {"object", "model"}, {"created", 0}, {"owned_by", backend_->name()}});
    }
    to->Send(JsonResponse(200, json::object{{"object", "list"}, {"data", std::move(models)}}));
  }

  // --- streams ---

  void StreamSocket(const io::HttpRequest& request, std::shared_ptr<io::WebSocketAcceptor> acceptor) {
    const auto parameters = ReadStreamParameters(request);
    if (!parameters.ok()) return acceptor->Reject(OwnError(parameters.error()));
    // The session exists before the socket does, so that a refusal is an HTTP answer.
    auto socket = std::make_shared<std::shared_ptr<io::WebSocket>>();
    auto session = StreamSession::Open(
        *backend_, parameters->language, parameters->sample_rate_hz, parameters->recognition,
        {.on_message = [socket](std::string message) { (*socket)->SendText(std::move(message)); },
         .on_done =
             [socket](const Status<>& status) {
               (*socket)->SendText(status.ok() ? R"({"type":"done"})" : ErrorMessage(status.error()));
               (*socket)->Close(status.ok() ? io::kWsNormal : io::kWsInternalError);
             }});
    if (!session.ok()) return acceptor->Reject(OwnError(session.error()));
    io::WebSocketOptions options;
    options.max_message = kMaxFrame;
    *socket = acceptor->Accept(options);
    Attach(*socket, *session);
  }

  static std::string ErrorMessage(const Error& error) {
    return json::serialize(json::object{{"type", "error"}, {"code", error.code}, {"message", error.message}});
  }

  // The socket's callbacks hold it; its session goes when the socket closes.
  struct Listening {
    Listening(std::shared_ptr<StreamSession> s, io::Loop& loop) : session(std::move(s)), look_again(loop) {}
    std::shared_ptr<StreamSession> session;
    // One message may come after the reading was paused, sound or text.
    Bytes unheard;
    std::string waiting_text;
    io::Timer look_again;
  };

  void Attach(const std::shared_ptr<io::WebSocket>& socket, const std::shared_ptr<StreamSession>& session) {
    const auto listening = std::make_shared<Listening>(session, loop_);
    const auto weak = std::weak_ptr(socket);
    socket->set_on_binary([listening, weak](ByteView data) {
      if (!listening->session) return;
      listening->unheard.insert(listening->unheard.end(), data.begin(), data.end());
      Listen(listening, weak);
    });
    socket->set_on_text([listening, weak](std::string_view text) {
      if (!listening->session) return;
      // What was sent before it is heard before it.
      if (listening->unheard.empty()) Obey(*listening, weak, text);
      else listening->waiting_text = text;
    });
    // On a later turn: the session may be what is speaking right now.
    socket->set_on_close([this, listening, alive = alive_](std::uint16_t, std::string_view) {
      listening->look_again.Cancel();
      if (*alive) loop_.Post([session = std::exchange(listening->session, nullptr)] {});
    });
  }

  static void Obey(Listening& listening, const std::weak_ptr<io::WebSocket>& weak, std::string_view text) {
    const auto message = ParseJson(text);
    const auto type = message.ok() ? GetString(*message, "type") : std::nullopt;
    if (type == "end") return listening.session->Finish();
    if (type == "flush") return listening.session->Flush();
    if (const auto socket = weak.lock()) {
      socket->SendText(
          ErrorMessage({"invalid_request", "A text frame is {\"type\":\"end\"} or {\"type\":\"flush\"}."}));
      socket->Close(io::kWsPolicy);
    }
  }

  // Gives the session a second at a time, as long as it keeps up; a sender faster than that is read no further.
  static void Listen(const std::shared_ptr<Listening>& listening, const std::weak_ptr<io::WebSocket>& weak) {
    const auto socket = weak.lock();
    if (!listening->session || !socket) return;
    std::size_t at = 0;
    while (at < listening->unheard.size() && listening->session->backlog_samples() <= kMostBacklog) {
      const std::size_t size = std::min(kPiece, listening->unheard.size() - at);
      listening->session->PushAudio(ByteView(listening->unheard).subspan(at, size));
      at += size;
    }
    listening->unheard.erase(listening->unheard.begin(), listening->unheard.begin() + static_cast<std::ptrdiff_t>(at));
    if (listening->unheard.empty() && !listening->waiting_text.empty()) {
      Obey(*listening, weak, std::exchange(listening->waiting_text, {}));
    }
    const bool behind = !listening->unheard.empty() || listening->session->backlog_samples() > kMostBacklog;
    socket->PauseReading(behind);
    if (behind) {
      listening->look_again.StartIn(kLookAgain, [held = std::weak_ptr(listening), weak] {
        if (const auto still = held.lock()) Listen(still, weak);
      });
    }
  }

  // Chunked body in, one JSON message a line out, as they come.
  void StreamPost(const io::HttpRequest& request, ResponderPtr to) {
    const auto parameters = ReadStreamParameters(request);
    if (!parameters.ok()) return to->Send(OwnError(parameters.error()));
    const std::uint64_t id = ++last_stream_;
    auto session = StreamSession::Open(
        *backend_, parameters->language, parameters->sample_rate_hz, parameters->recognition,
        {.on_message = [to](std::string message) { to->Write(AsBytes(message + "\n")); },
         .on_done =
             [this, to, id](const Status<>& status) {
               to->Write(AsBytes((status.ok() ? R"({"type":"done"})" : ErrorMessage(status.error())) + "\n"));
               to->Finish();
               // This may be the session speaking: it goes on a later turn.
               auto stream = std::make_shared<decltype(streams_)::node_type>(streams_.extract(id));
               loop_.Post([stream] {});
             }});
    if (!session.ok()) return to->Send(OwnError(session.error()));
    streams_.try_emplace(id, *session, loop_);
    // The body first: it sends "100 Continue", which may not stand behind the answer's head.
    to->ReadBody([this, id, to](ByteView data) { PushStream(id, to, data); },
                 [this, id](const Status<>& status) {
                   const auto stream = streams_.find(id);
                   if (stream == streams_.end()) return;
                   if (status.ok()) stream->second.session->Finish();
                   else streams_.erase(stream);
                 });
    to->StartChunked(200, "application/x-ndjson", {});
    to->set_on_closed([this, id, alive = alive_] {
      if (*alive) streams_.erase(id);
    });
  }

  void PushStream(std::uint64_t id, const ResponderPtr& to, ByteView data) {
    const auto stream = streams_.find(id);
    if (stream == streams_.end()) return;
    stream->second.session->PushAudio(data);
    if (stream->second.session->backlog_samples() > kMostBacklog) WaitForRecognizer(id, to);
  }

  void WaitForRecognizer(std::uint64_t id, const ResponderPtr& to) {
    to->PauseBody();
    streams_.at(id).look_again.StartIn(kLookAgain, [this, id, to] {
      if (streams_.at(id).session->backlog_samples() > kMostBacklog / 2) return WaitForRecognizer(id, to);
      to->ResumeBody();
    });
  }

  io::Loop& loop_;
  const Duration upload_within_;
  std::unique_ptr<speech::Recognizer> backend_;
  HttpFace face_;
  Slots slots_;
  Histogram seconds_;
  std::map<std::uint64_t, Work> work_;
  std::map<std::uint64_t, Stream> streams_;
  std::uint64_t last_work_ = 0, last_stream_ = 0;
  std::unique_ptr<io::HttpServer> server_;
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace

Result<std::unique_ptr<SttService>> SttService::Start(io::Loop& loop, const SttServiceConfig& config,
                                                      Metrics& metrics) {
  JB_TRY(auto backend, speech::MakeRecognizer(config.backend, loop, config.concurrency));
  return Start(loop, config, metrics, std::move(backend));
}

Result<std::unique_ptr<SttService>> SttService::Start(io::Loop& loop, const SttServiceConfig& config, Metrics& metrics,
                                                      std::unique_ptr<speech::Recognizer> backend) {
  auto service = std::make_unique<SttServiceImpl>(loop, std::move(backend), config, metrics);
  RemoveAbandonedUploads();
  JB_TRY_VOID(service->Listen(config));
  return std::unique_ptr<SttService>(std::move(service));
}

}  // namespace jb::services
