// SPDX-License-Identifier: Apache-2.0
#include <initializer_list>
#include <map>

#include "io/http_server.h"
#include "io/loop.h"
#include "media/audio/wav.h"
#include "services/common/http_face.h"
#include "services/common/multipart.h"
#include "services/tts/openapi.h"
#include "services/tts/service.h"
#include "services/tts/speech_output.h"
#include "speech/backends.h"

namespace jb::services {
namespace {

constexpr std::size_t kMaxJsonBody = 64 * 1024;
constexpr std::size_t kMaxReference = 10u << 20;  // bytes of a voice sample, as OpenAI's
constexpr int kDefaultRate = 24000;               // what OpenAI's pcm is
const std::vector<double> kBounds = {0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2, 5};

struct Spoken {
  speech::SynthesisRequest request;
  SpeechFormat format = SpeechFormat::kWav;
};

// 400 for what the caller can mend, 413 for too much of it, 429 for busy, 500 for what it cannot.
int StatusOf(const Error& error) {
  if (error.code == "busy") return 429;
  if (error.code == "too_long") return 413;
  return error.code == "backend_failed" ? 500 : 400;
}

// A member that is there, is not null, and is of another type.
bool IsOfAnotherType(const json::value& from, std::string_view key, bool (*is_right)(const json::value&)) {
  const json::value* value = GetMember(from, key);
  return value && !value->is_null() && !is_right(*value);
}
bool IsText(const json::value& value) { return value.is_string(); }
bool IsNumber(const json::value& value) { return value.is_number(); }
bool IsInteger(const json::value& value) { return value.is_int64() || value.is_uint64(); }

// What may be left out is of its type where it is there.
Status<> CheckTypes(const json::value& body, std::initializer_list<const char*> texts) {
  for (const char* key : texts) {
    if (IsOfAnotherType(body, key, IsText)) return Fail("invalid_request", "`" + std::string(key) + "` is text.");
  }
  if (IsOfAnotherType(body, "sample_rate", IsInteger))
    return Fail("invalid_request", "`sample_rate` is a whole number.");
  if (IsOfAnotherType(body, "speed", IsNumber)) return Fail("invalid_request", "`speed` is a number.");
  return kOk;
}

std::string_view ContentType(SpeechFormat format, bool open_ai) {
  switch (format) {
    case SpeechFormat::kWav: return "audio/wav";
    case SpeechFormat::kPcm: return "audio/pcm";
    case SpeechFormat::kOpus: return open_ai ? "audio/opus" : "audio/ogg; codecs=opus";
    case SpeechFormat::kMp3: return "audio/mpeg";
    case SpeechFormat::kAac: return "audio/aac";
    case SpeechFormat::kFlac: return "audio/flac";
  }
  return "";
}

Result<Spoken> ParseOwn(const std::string& body) {
  const auto parsed = ParseJson(body);
  if (!parsed.ok() || !parsed->is_object()) return Fail("invalid_request", "The body is not a JSON object.");
  JB_TRY_VOID(CheckTypes(*parsed, {"format", "voice"}));
  Spoken spoken;
  const auto text = GetString(*parsed, "text"), lang = GetString(*parsed, "lang");
  if (!text) return Fail("invalid_request", "`text` is missing.");
  if (!lang) return Fail("invalid_request", "`lang` is missing: a language tag such as \"vi\".");
  const auto format = ParseSpeechFormat(GetString(*parsed, "format").value_or("wav"));
  if (!format) return Fail("invalid_request", "`format` is wav, pcm or opus.");
  const auto rate = GetInt(*parsed, "sample_rate").value_or(kDefaultRate);
  const double speed = GetNumber(*parsed, "speed").value_or(1.0);
  if (rate < 8000 || rate > 48000) return Fail("invalid_request", "`sample_rate` is 8000 to 48000.");
  if (!(speed >= 0.25 && speed <= 4)) return Fail("invalid_request", "`speed` is 0.25 to 4.");
  spoken.format = *format;
  spoken.request = {.text = std::string(*text),
                    .language = std::string(*lang),
                    .voice = std::string(GetString(*parsed, "voice").value_or("")),
                    .sample_rate_hz = static_cast<int>(rate),
                    .speed = speed};
  return spoken;
}

// OpenAI's /v1/audio/speech. It has no language: `lang_code` where a client knows it, else English.
Result<Spoken> ParseOpenAi(const std::string& body) {
  const auto parsed = ParseJson(body);
  if (!parsed.ok() || !parsed->is_object()) return Fail("invalid_request", "The body is not a JSON object.");
  JB_TRY_VOID(CheckTypes(*parsed, {"model", "input", "instructions", "response_format", "stream_format", "lang_code"}));
  Spoken spoken;
  const auto input = GetString(*parsed, "input");
  if (!input || input->empty()) return Fail("invalid_request", "`input` is missing.");
  const auto format = ParseOpenAiSpeechFormat(GetString(*parsed, "response_format").value_or("mp3"));
  if (!format) return Fail("invalid_request", "`response_format` is mp3, opus, aac, flac, wav or pcm.");
  if (GetString(*parsed, "stream_format").value_or("audio") != "audio") {
    return Fail("invalid_request", "`stream_format` is audio here, as with tts-1.");
  }
  const double speed = GetNumber(*parsed, "speed").value_or(1.0);
  if (!(speed >= 0.25 && speed <= 4)) return Fail("invalid_request", "`speed` is 0.25 to 4.");
  std::string_view voice = GetString(*parsed, "voice").value_or("");
  const json::value* named = GetMember(*parsed, "voice");
  if (named && named->is_object()) voice = GetString(*named, "id").value_or("");
  else if (IsOfAnotherType(*parsed, "voice", IsText)) return Fail("invalid_request", "`voice` is a name or {\"id\"}.");
  spoken.format = *format;
  spoken.request = {.text = std::string(*input),
                    .language = std::string(GetString(*parsed, "lang_code").value_or("en")),
                    .voice = std::string(voice),
                    .sample_rate_hz = kDefaultRate,
                    .speed = speed};
  return spoken;
}

class TtsServiceImpl : public TtsService {
 public:
  TtsServiceImpl(io::Loop& loop, std::unique_ptr<speech::Synthesizer> backend, Metrics& metrics)
      : loop_(loop),
        backend_(std::move(backend)),
        face_(metrics, std::string(backend_->name()), TtsOpenApi(),
              [this](json::object& health) {
                json::array languages;
                for (const std::string& language : backend_->languages()) languages.emplace_back(language);
                health["languages"] = std::move(languages);
              }),
        first_sound_(
            metrics.GetHistogram("jbcalling_stage_seconds", "Request to first sound", kBounds, {{"stage", "tts"}})) {
    AddRoutes();
  }

  Status<> Listen(io::Loop& loop, const TtsServiceConfig& config) {
    io::HttpServerConfig http;
    http.host = config.host;
    http.port = config.port;
    JB_TRY(server_, io::HttpServer::Listen(loop, http, face_));
    return kOk;
  }
  std::uint16_t port() const override { return server_->port(); }
  std::vector<std::pair<std::string, std::string>> routes() const override { return face_.Routes(); }

 private:
  // One request; erased when it is answered or its peer has gone.
  struct Speaking {
    std::unique_ptr<speech::SynthesisJob> job;
    std::unique_ptr<SpeechOutput> output;
    Time asked{};
  };
  using Refuse = std::function<void(const Error&)>;
  using Handle = void (TtsServiceImpl::*)(io::HttpRequest, ResponderPtr, const std::string&);
  void Route(std::string method, std::string path, Handle handle, io::BodyPolicy body = {}) {
    face_.Add({.method = std::move(method),
               .path = std::move(path),
               .body = body,
               .handle = [this, handle](io::HttpRequest request, ResponderPtr to, const std::string& segment) {
                 (this->*handle)(std::move(request), std::move(to), segment);
               }});
  }
  void AddRoutes() {
    const io::BodyPolicy json{.max_bytes = kMaxJsonBody, .stream = false};
    Route("POST", "/synthesize", &TtsServiceImpl::Whole, json);
    Route("POST", "/synthesize/stream", &TtsServiceImpl::Streamed, json);
    Route("POST", "/v1/audio/speech", &TtsServiceImpl::OpenAi, json);
    Route("GET", "/voices", &TtsServiceImpl::ListVoices);
    Route("GET", "/v1/audio/voices", &TtsServiceImpl::ListOpenAiVoices);
    Route("POST", "/voices", &TtsServiceImpl::Enrol, {.max_bytes = kMaxReference, .stream = false});
    Route("DELETE", "/voices/*", &TtsServiceImpl::Forget);
  }

  void Whole(io::HttpRequest request, ResponderPtr to, const std::string&) {
    Speak(ParseOwn(request.body), /*streamed=*/false, std::move(to), /*open_ai=*/false);
  }
  void Streamed(io::HttpRequest request, ResponderPtr to, const std::string&) {
    Speak(ParseOwn(request.body), /*streamed=*/true, std::move(to), /*open_ai=*/false);
  }
  void OpenAi(io::HttpRequest request, ResponderPtr to, const std::string&) {
    Speak(ParseOpenAi(request.body), /*streamed=*/true, std::move(to), /*open_ai=*/true);
  }

  void Speak(Result<Spoken> spoken, bool streamed, ResponderPtr to, bool open_ai) {
    const Refuse refuse = [to, open_ai](const Error& error) {
      const int status = StatusOf(error);
      if (open_ai) return to->Send(OpenAiError(status, error.message, error.code));
      if (status == 429) return to->Send(BusyResponse());
      to->Send(io::ErrorResponse(status, error.code, error.message));
    };
    if (!spoken.ok()) return refuse(spoken.error());
    const std::uint64_t id = ++last_job_;
    // Opus is made at its own rate.
    if (spoken->format == SpeechFormat::kOpus) spoken->request.sample_rate_hz = 48000;
    auto output = std::make_unique<SpeechOutput>(
        loop_, to,
        SpeechOutput::Options{.format = spoken->format,
                              .sample_rate_hz = spoken->request.sample_rate_hz,
                              .streamed = streamed,
                              .content_type = std::string(ContentType(spoken->format, open_ai))},
        SpeechOutput::Handlers{.on_caught_up = [this, id] { PauseVoice(id, false); },
                               .on_finished = [this, id, refuse](const Status<>& status) { End(id, status, refuse); }});
    auto job = backend_->Start(std::move(spoken->request), HandlersOf(id, refuse));
    if (!job.ok()) return refuse(job.error());
    if (const auto ready = output->Prepare(); !ready.ok()) return refuse(ready.error());
    speaking_[id] = {*std::move(job), std::move(output), io::Now()};
    to->set_on_closed([this, id] { speaking_.erase(id); });
  }

  speech::SynthesisHandlers HandlersOf(std::uint64_t id, const Refuse& refuse) {
    return {.on_audio =
                [this, id](std::span<const std::int16_t> pcm) {
                  Speaking& speaking = speaking_.at(id);
                  if (!speaking.output->has_sound()) first_sound_.Observe(ToSeconds(io::Now() - speaking.asked));
                  speaking.output->Write(pcm);
                  if (speaking.output->is_behind()) PauseVoice(id, true);
                },
            .on_done =
                [this, id, refuse](const Status<>& status) {
                  if (status.ok()) speaking_.at(id).output->Finish();
                  else End(id, status, refuse);
                }};
  }

  void PauseVoice(std::uint64_t id, bool paused) { speaking_.at(id).job->Pause(paused); }

  // The place of the voice is kept until its listener has taken everything.
  void End(std::uint64_t id, const Status<>& status, const Refuse& refuse) {
    const auto speaking = speaking_.extract(id);
    if (speaking.empty()) return;
    // A response cut in the middle tells the peer that it is not whole.
    if (!status.ok() && !speaking.mapped().output->begun()) refuse(status.error());
  }

  void ListVoices(io::HttpRequest, ResponderPtr to, const std::string&) { to->Send(JsonResponse(200, Voices())); }
  void ListOpenAiVoices(io::HttpRequest, ResponderPtr to, const std::string&) { to->Send(JsonResponse(200, Voices())); }
  json::object Voices() const {
    json::array voices;
    for (const speech::Voice& voice : backend_->voices()) {
      voices.push_back(
          json::object{{"id", voice.id}, {"name", voice.name}, {"language", voice.language}, {"gender", voice.gender}});
    }
    return {{"object", "list"}, {"voices", std::move(voices)}};
  }

  // Checked whole although no backend of today can use it: what is wrong with a request is said first.
  void Enrol(io::HttpRequest request, ResponderPtr to, const std::string&) {
    const auto parts = ParseMultipart(request.headers["Content-Type"], request.body);
    if (!parts.ok()) {
      return to->Send(io::ErrorResponse(400, "invalid_request", "Send multipart/form-data with `file` and `consent`."));
    }
    const FormPart* consent = FindPart(*parts, "consent");
    const FormPart* file = FindPart(*parts, "file");
    if (!consent || consent->data.empty()) {
      return to->Send(io::ErrorResponse(400, "consent_required",
                                        "A voice is enrolled only with its owner's statement of `consent`."));
    }
    if (const auto error = CheckReference(file)) return to->Send(*error);
    to->Send(io::ErrorResponse(
        501, "voice_cloning_unavailable",
        "The engine " + std::string(backend_->name()) +
            " cannot speak in an enrolled voice; nothing was stored. Choose one of GET /voices."));
  }

  static std::optional<io::HttpResponse> CheckReference(const FormPart* file) {
    if (!file || file->data.empty())
      return io::ErrorResponse(400, "invalid_request", "There is no recording: send it as `file`.");
    const auto wav = media::ParseWav(AsBytes(file->data));
    if (wav.ok()) return std::nullopt;
    if (wav.error() == media::WavError::kNotWav || wav.error() == media::WavError::kUnsupported) {
      return io::ErrorResponse(415, "unsupported_media", "`file` is not a WAV recording of 16 bit PCM or float.");
    }
    return io::ErrorResponse(400, "broken_media",
                             std::string("The WAV file is broken: ") + media::ToString(wav.error()) + ".");
  }

  void Forget(io::HttpRequest, ResponderPtr to, const std::string& id) {
    for (const speech::Voice& voice : backend_->voices()) {
      if (voice.id == id) {
        return to->Send(io::ErrorResponse(403, "builtin_voice", "That voice belongs to the backend."));
      }
    }
    to->Send(io::ErrorResponse(404, "voice_not_found", "There is no enrolled voice of that id."));
  }

  io::Loop& loop_;
  std::unique_ptr<speech::Synthesizer> backend_;
  HttpFace face_;
  Histogram first_sound_;
  std::map<std::uint64_t, Speaking> speaking_;
  std::uint64_t last_job_ = 0;
  std::unique_ptr<io::HttpServer> server_;
};

}  // namespace

Result<std::unique_ptr<TtsService>> TtsService::Start(io::Loop& loop, const TtsServiceConfig& config,
                                                      Metrics& metrics) {
  JB_TRY(auto backend, speech::MakeSynthesizer(config.backend, loop, config.concurrency));
  return Start(loop, config, metrics, std::move(backend));
}

Result<std::unique_ptr<TtsService>> TtsService::Start(io::Loop& loop, const TtsServiceConfig& config, Metrics& metrics,
                                                      std::unique_ptr<speech::Synthesizer> backend) {
  auto service = std::make_unique<TtsServiceImpl>(loop, std::move(backend), metrics);
  JB_TRY_VOID(service->Listen(loop, config));
  return std::unique_ptr<TtsService>(std::move(service));
}

}  // namespace jb::services
