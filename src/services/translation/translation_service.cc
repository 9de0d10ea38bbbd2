// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <set>

#include "base/utf8.h"
#include "io/http_server.h"
#include "io/loop.h"
#include "services/common/http_face.h"
#include "services/translation/openapi.h"
#include "services/translation/service.h"
#include "speech/backends.h"
#include "speech/text/html_text.h"
#include "speech/text/language_detector.h"
#include "speech/text/languages.h"
#include "speech/text/translation_cache.h"

namespace jb::services {
namespace {

constexpr std::size_t kMaxBody = 256 * 1024;  // bytes; one text has at most speech::kMaxTranslationBytes
constexpr std::size_t kMaxTexts = 50;         // in one request
constexpr std::size_t kCacheBytes = 64u << 20;
const std::vector<double> kBounds = {0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5};

// What was asked, whichever dialect it came in.
struct Job {
  std::vector<std::string> texts;
  bool is_array = false;
  std::string source, target;
  bool libre = false;
  bool html = false;          // only what stands between tags is translated
  bool alternatives = false;  // wanted
  std::optional<speech::DetectedLanguage> detected;
};

// One of its texts on its way, piece by piece, so that a page of many tags is not many requests at once.
struct Page {
  std::vector<speech::HtmlPiece> pieces;
  std::size_t at = 0;
  std::string out;
};

struct Answers {
  std::vector<std::string> texts;
  std::string pivot;
  bool cached = true;  // every one of them
  std::size_t missing = 0;
  std::optional<Error> error;
  Time asked;
};

// A body in JSON, or a form with the same names, as a JSON object.
Result<json::value> ReadFields(const io::HttpRequest& request) {
  if (request.content_type() == "application/x-www-form-urlencoded") {
    json::object fields;
    const io::Query form = io::Query::Parse(request.body);
    for (const auto& [key, value] : form.pairs()) fields[key] = value;
    return json::value(std::move(fields));
  }
  auto parsed = ParseJson(request.body);
  if (!parsed.ok() || !parsed->is_object()) return Fail("invalid_request", "The body is not a JSON object.");
  return *std::move(parsed);
}

// `one` or `many` under the given names; nullopt when what is there is neither text nor a list of texts.
std::optional<std::vector<std::string>> Texts(const json::value& value) {
  if (value.is_string()) return std::vector<std::string>{std::string(value.get_string())};
  if (!value.is_array()) return std::nullopt;
  std::vector<std::string> out;
  for (const json::value& item : value.get_array()) {
    if (!item.is_string()) return std::nullopt;
    out.emplace_back(item.get_string());
  }
  return out;
}

Status<> CheckTexts(const std::vector<std::string>& texts) {
  if (texts.size() > kMaxTexts) {
    return Fail("too_many_texts", "At most " + std::to_string(kMaxTexts) + " texts at once.");
  }
  for (const std::string& text : texts) {
    if (!IsValidUtf8(text)) return Fail("invalid_text", "The text is not UTF-8.");
    if (text.find('\0') != std::string::npos) return Fail("invalid_text", "The text holds a NUL character.");
    if (text.size() > speech::kMaxTranslationBytes) {
      return Fail("too_long", "A text has at most " + std::to_string(speech::kMaxTranslationBytes) + " bytes.");
    }
  }
  return kOk;
}

// LibreTranslate's `alternatives`: how many, in JSON or as a form has it.
Result<bool> WantsAlternatives(const json::value& fields) {
  const json::value* asked = GetMember(fields, "alternatives");
  if (!asked || asked->is_null()) return false;
  if (const auto number = GetInt(fields, "alternatives"); number && *number >= 0) return *number > 0;
  const std::string_view text = GetString(fields, "alternatives").value_or("-");
  const bool digits = !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
  if (!digits) return Fail("invalid_request", "Invalid request: alternatives is not a number");
  return text.find_first_not_of('0') != std::string_view::npos;
}

std::string WithoutMarkup(const std::string& html) {
  std::string out;
  for (const speech::HtmlPiece& piece : speech::SplitHtml(html)) {
    if (piece.is_words) out += piece.text + " ";
  }
  return out;
}

// "...", "3." and the like are the same in every language.
bool HasLetters(std::string_view words) {
  return std::any_of(words.begin(), words.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || static_cast<unsigned char>(c) >= 0x80;
  });
}

int StatusOf(const Error& error) {
  if (error.code == "busy") return 429;
  if (error.code == "too_long") return 413;
  return error.code == "backend_failed" ? 500 : 400;
}

class TranslationServiceImpl : public TranslationService {
 public:
  TranslationServiceImpl(std::unique_ptr<speech::Translator> backend, int concurrency, Metrics& metrics)
      : backend_(std::move(backend)),
        cache_(*backend_, kCacheBytes),
        face_(metrics, std::string(backend_->name()), TranslationOpenApi(),
              [this](json::object& health) { DescribePairs(health); }),
        slots_(concurrency),
        seconds_(
            metrics.GetHistogram("jbcalling_stage_seconds", "Request to answer", kBounds, {{"stage", "translation"}})),
        hits_(metrics.GetCounter("jbcalling_translation_cache_total", kCacheHelp, {{"result", "hit"}})),
        misses_(metrics.GetCounter("jbcalling_translation_cache_total", kCacheHelp, {{"result", "miss"}})) {
    for (const speech::TranslationDirection& d : backend_->directions()) {
      targets_[d.from].insert(d.to);
      known_.insert(d.from);
      known_.insert(d.to);
    }
    AddRoutes();
  }

  Status<> Listen(io::Loop& loop, const TranslationServiceConfig& config) {
    io::HttpServerConfig http;
    http.host = config.host;
    http.port = config.port;
    JB_TRY(server_, io::HttpServer::Listen(loop, http, face_));
    return kOk;
  }
  std::uint16_t port() const override { return server_->port(); }
  std::vector<std::pair<std::string, std::string>> routes() const override { return face_.Routes(); }

 private:
  static constexpr const char* kCacheHelp = "Translations asked for, by whether they were known already";

  using Handle = void (TranslationServiceImpl::*)(io::HttpRequest, ResponderPtr);
  void Route(std::string method, std::string path, Handle handle) {
    face_.Add({.method = std::move(method),
               .path = std::move(path),
               .body = {.max_bytes = kMaxBody, .stream = false},
               .handle = [this, handle](io::HttpRequest request, ResponderPtr to, const std::string&) {
                 (this->*handle)(std::move(request), std::move(to));
               }});
  }
  void AddRoutes() {
    Route("POST", "/translate", &TranslationServiceImpl::Translate);
    Route("POST", "/detect", &TranslationServiceImpl::Detect);
    Route("GET", "/languages", &TranslationServiceImpl::Languages);
    Route("GET", "/frontend/settings", &TranslationServiceImpl::Settings);
    Route("GET", "/spec", &TranslationServiceImpl::Spec);
  }

  void DescribePairs(json::object& health) const {
    json::array pairs;
    for (const speech::TranslationDirection& d : backend_->directions()) {
      json::object pair{{"from", d.from}, {"to", d.to}};
      if (!d.pivot.empty()) pair["pivot"] = d.pivot;
      pairs.push_back(std::move(pair));
    }
    health["pairs"] = std::move(pairs);
  }

  // --- /translate ---

  void Translate(io::HttpRequest request, ResponderPtr to) {
    const auto fields = ReadFields(request);
    if (!fields.ok()) return to->Send(io::ErrorResponse(400, fields.error().code, fields.error().message));
    const bool libre = GetMember(*fields, "q") || !(GetMember(*fields, "text") || GetMember(*fields, "texts"));
    auto job = libre ? ParseLibre(*fields) : ParseOwn(*fields);
    if (job.ok()) {
      if (const auto fine = CheckJob(*job); !fine.ok()) job = Fail(fine.error());
    }
    if (!job.ok()) return Refuse(to, libre, job.error());
    const auto slot = slots_.Take();
    if (!slot) return Refuse(to, libre, {"busy", "Too many requests at once. Try again shortly."});
    WarmIfEmpty(*job);
    Run(std::make_shared<Job>(*std::move(job)), slot, std::move(to));
  }

  static void Refuse(const ResponderPtr& to, bool libre, const Error& error) {
    const int status = StatusOf(error);
    if (libre) return to->Send(LibreError(status, error.message));
    if (status == 429) return to->Send(BusyResponse());
    to->Send(io::ErrorResponse(status, error.code, error.message));
  }

  static Result<Job> ParseOwn(const json::value& fields) {
    Job job;
    const json::value* one = GetMember(fields, "text");
    const json::value* many = GetMember(fields, "texts");
    if (one && many) return Fail("invalid_request", "Send `text` or `texts`, not both.");
    const auto texts = Texts(one ? *one : *many);
    if (!texts || (one && !one->is_string()) || (many && !many->is_array())) {
      return Fail("invalid_request", "`text` is text, `texts` is a list of texts.");
    }
    job.texts = *texts;
    job.is_array = many != nullptr;
    job.source = speech::PrimaryLanguage(GetString(fields, "source").value_or(""));
    job.target = speech::PrimaryLanguage(GetString(fields, "target").value_or(""));
    if (job.source.empty()) return Fail("invalid_request", "`source` is missing: a language tag such as \"en\".");
    if (job.target.empty()) return Fail("invalid_request", "`target` is missing: a language tag such as \"es\".");
    return job;
  }

  // The words of the messages are LibreTranslate's: its clients compare them.
  static Result<Job> ParseLibre(const json::value& fields) {
    Job job;
    job.libre = true;
    const json::value* q = GetMember(fields, "q");
    if (!q) return Fail("invalid_request", "Invalid request: missing q parameter");
    const auto texts = Texts(*q);
    if (!texts) return Fail("invalid_request", "Invalid request: q parameter is neither text nor a list of texts");
    job.texts = *texts;
    job.is_array = q->is_array();
    const auto source = GetString(fields, "source"), target = GetString(fields, "target");
    if (!source || source->empty()) return Fail("invalid_request", "Invalid request: missing source parameter");
    if (!target || target->empty()) return Fail("invalid_request", "Invalid request: missing target parameter");
    const json::value* asked = GetMember(fields, "format");
    if (asked && !asked->is_null() && !asked->is_string())
      return Fail("invalid_request", "Invalid request: format is not text");
    const std::string_view format = GetString(fields, "format").value_or("text");
    if (format != "text" && format != "html")
      return Fail("invalid_request", std::string(format) + " format is not supported");
    job.html = format == "html";
    JB_TRY(job.alternatives, WantsAlternatives(fields));
    job.source = speech::PrimaryLanguage(*source);
    job.target = speech::PrimaryLanguage(*target);
    return job;
  }

  Status<> CheckJob(Job& job) const {
    JB_TRY_VOID(CheckTexts(job.texts));
    if (job.source == "auto") {
      std::string all;
      for (const std::string& text : job.texts) all += (job.html ? WithoutMarkup(text) : text) + " ";
      const std::vector<std::string> known(known_.begin(), known_.end());
      const auto detected = speech::DetectLanguage(all, known);
      // A word alone is often nobody's: English then, as LibreTranslate has it.
      const std::string fallback = known_.contains("en") ? "en" : job.target;
      job.detected = detected.empty() ? speech::DetectedLanguage{fallback, 0} : detected.front();
      job.source = job.detected->language;
    }
    for (const std::string* language : {&job.source, &job.target}) {
      if (!known_.contains(*language)) return Fail("unsupported_language", *language + " is not supported");
    }
    if (job.source == job.target) return kOk;  // given back as it came
    const auto targets = targets_.find(job.source);
    if (targets == targets_.end() || !targets->second.contains(job.target)) {
      return Fail("unsupported_direction",
                  "Nothing translates from " + job.source + " to " + job.target + ". GET /languages has what does.");
    }
    return kOk;
  }

  // Nothing to translate is how a caller says that the direction will be wanted soon. It is answered at
  // once, while the translator starts.
  void WarmIfEmpty(const Job& job) {
    const bool empty = std::all_of(job.texts.begin(), job.texts.end(),
                                   [](const std::string& text) { return CleanLine(text).empty(); });
    if (empty && job.source != job.target) backend_->Warm(job.source, job.target);
  }

  void Run(std::shared_ptr<Job> job, std::shared_ptr<void> slot, ResponderPtr to) {
    auto answers = std::make_shared<Answers>();
    answers->asked = io::Now();
    answers->texts.resize(job->texts.size());
    answers->missing = job->texts.size() + 1;  // one for ourselves, until all are asked for
    const auto arrived = [this, job, answers, slot, to] {
      if (--answers->missing == 0) Answer(*job, *answers, to);
    };
    for (std::size_t i = 0; i < job->texts.size(); ++i) {
      const bool nothing = job->source == job->target || CleanLine(job->texts[i]).empty();
      if (nothing) {
        answers->texts[i] = job->texts[i];
        arrived();
        continue;
      }
      if (job->html) {
        auto page = std::make_shared<Page>();
        page->pieces = speech::SplitHtml(job->texts[i]);
        TranslatePage(job, answers, page, i, arrived);
      } else {
        Ask(*job, *answers, job->texts[i], [answers, arrived, i](Result<speech::Translation> result) {
          if (result.ok()) answers->texts[i] = result->text;
          arrived();
        });
      }
    }
    arrived();
  }

  // `done` gets what the translator says; it may be called before this returns.
  void Ask(const Job& job, Answers& answers, const std::string& text,
           std::function<void(Result<speech::Translation>)> done) {
    cache_.Translate(text, job.source, job.target,
                     [this, &answers, done = std::move(done)](Result<speech::Translation> result, bool cached) {
                       (cached ? hits_ : misses_).Add();
                       answers.cached = answers.cached && cached;
                       if (result.ok()) answers.pivot = result->pivot;
                       else answers.error = result.error();
                       done(std::move(result));
                     });
  }

  // Goes on until a piece is not known already; its answer comes back here. A loop and no recursion: a page
  // may have thousands of pieces.
  void TranslatePage(const std::shared_ptr<Job>& job, const std::shared_ptr<Answers>& answers,
                     const std::shared_ptr<Page>& page, std::size_t i, const std::function<void()>& arrived) {
    while (page->at < page->pieces.size() && !answers->error) {
      const speech::HtmlPiece& piece = page->pieces[page->at];
      if (!piece.is_words || !HasLetters(piece.text)) {
        page->out += piece.is_words ? speech::EscapeHtml(piece.text) : piece.text;
        ++page->at;
        continue;
      }
      // Whoever comes second goes on: the answer, or the end of the call that asked for it.
      const auto second = std::make_shared<bool>(false);
      Ask(*job, *answers, piece.text, [=, this](Result<speech::Translation> result) {
        if (result.ok()) page->out += speech::EscapeHtml(result->text);
        ++page->at;
        if (std::exchange(*second, true)) TranslatePage(job, answers, page, i, arrived);
      });
      if (!std::exchange(*second, true)) return;
    }
    answers->texts[i] = page->out;
    arrived();
  }

  void Answer(const Job& job, const Answers& answers, const ResponderPtr& to) {
    if (answers.error) return Refuse(to, job.libre, *answers.error);
    const double seconds = ToSeconds(io::Now() - answers.asked);
    seconds_.Observe(seconds);
    json::array all;
    for (const std::string& text : answers.texts) all.emplace_back(text);
    const json::value result = job.is_array ? json::value(std::move(all)) : json::value(answers.texts.front());
    if (job.libre) return to->Send(JsonResponse(200, LibreAnswer(job, result)));
    json::object body{{job.is_array ? "texts" : "text", result},
                      {"source", job.source},
                      {"target", job.target},
                      {"cached", answers.cached},
                      {"ms", seconds * 1000}};
    if (!answers.pivot.empty()) body["pivot"] = answers.pivot;
    if (job.detected) body["confidence"] = job.detected->confidence;
    to->Send(JsonResponse(200, body));
  }

  static json::object LibreAnswer(const Job& job, const json::value& result) {
    json::object body{{"translatedText", result}};
    // None of today's translators has a second opinion.
    if (job.alternatives) {
      body["alternatives"] = job.is_array ? json::array(job.texts.size(), json::array()) : json::array();
    }
    if (job.detected) {
      const json::object one{{"confidence", job.detected->confidence}, {"language", job.detected->language}};
      if (job.is_array) body["detectedLanguage"] = json::array(job.texts.size(), one);
      else body["detectedLanguage"] = one;
    }
    return body;
  }

  // --- the rest ---

  void Detect(io::HttpRequest request, ResponderPtr to) {
    const auto fields = ReadFields(request);
    const auto q = fields.ok() ? GetString(*fields, "q") : std::nullopt;
    if (!q) return to->Send(LibreError(400, "Invalid request: missing q parameter"));
    if (!IsValidUtf8(*q)) return to->Send(LibreError(400, "The text is not UTF-8."));
    json::array out;
    for (const auto& d : speech::DetectLanguage(*q, std::vector<std::string>(known_.begin(), known_.end()))) {
      out.push_back(json::object{{"confidence", d.confidence}, {"language", d.language}});
    }
    to->Send(JsonResponse(200, out));
  }

  void Languages(io::HttpRequest, ResponderPtr to) {
    json::array out;
    for (const auto& [from, targets] : targets_) {
      json::array codes;
      for (const std::string& target : targets) codes.emplace_back(target);
      out.push_back(
          json::object{{"code", from}, {"name", speech::EnglishLanguageName(from)}, {"targets", std::move(codes)}});
    }
    to->Send(JsonResponse(200, out));
  }

  void Settings(io::HttpRequest, ResponderPtr to) {
    const json::object automatic{{"code", "auto"}, {"name", "Auto Detect"}};
    const json::object english{{"code", "en"}, {"name", "English"}};
    to->Send(JsonResponse(200, json::object{{"charLimit", speech::kMaxTranslationBytes},
                                            {"frontendTimeout", 500},
                                            {"apiKeys", false},
                                            {"keyRequired", false},
                                            {"suggestions", false},
                                            {"filesTranslation", false},
                                            {"supportedFilesFormat", json::array{}},
                                            {"language", json::object{{"source", automatic}, {"target", english}}}}));
  }

  void Spec(io::HttpRequest, ResponderPtr to) {
    to->Send({200, "application/json", {}, std::string(TranslationOpenApi())});
  }

  std::unique_ptr<speech::Translator> backend_;
  speech::TranslationCache cache_;
  HttpFace face_;
  Slots slots_;
  Histogram seconds_;
  Counter hits_, misses_;
  std::map<std::string, std::set<std::string>> targets_;
  std::set<std::string> known_;
  std::unique_ptr<io::HttpServer> server_;
};

}  // namespace

Result<std::unique_ptr<TranslationService>> TranslationService::Start(io::Loop& loop,
                                                                      const TranslationServiceConfig& config,
                                                                      Metrics& metrics) {
  JB_TRY(auto backend, speech::MakeTranslator(config.backend, loop));
  return Start(loop, config, metrics, std::move(backend));
}

Result<std::unique_ptr<TranslationService>> TranslationService::Start(io::Loop& loop,
                                                                      const TranslationServiceConfig& config,
                                                                      Metrics& metrics,
                                                                      std::unique_ptr<speech::Translator> backend) {
  auto service = std::make_unique<TranslationServiceImpl>(std::move(backend), config.concurrency, metrics);
  JB_TRY_VOID(service->Listen(loop, config));
  return std::unique_ptr<TranslationService>(std::move(service));
}

}  // namespace jb::services
