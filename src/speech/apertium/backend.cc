// SPDX-License-Identifier: Apache-2.0
#include "speech/apertium/backend.h"

#include <algorithm>
#include <map>

#include "base/utf8.h"
#include "io/clock.h"
#include "io/loop.h"
#include "speech/apertium/modes.h"
#include "speech/apertium/pipeline.h"
#include "speech/apertium/stream_text.h"
#include "speech/text/clean_text.h"
#include "speech/text/languages.h"

namespace jb::speech {
namespace {

constexpr std::size_t kLongestPiece = 1000;  // bytes given to the stages at once
constexpr Duration kCheckEvery = std::chrono::minutes(1);

using Done = std::function<void(Result<Translation>)>;

std::vector<TranslationDirection> AllDirections(const Modes& modes) {
  std::vector<TranslationDirection> direct, indirect;
  std::map<std::string, bool> sources, targets;
  for (const auto& [pair, mode] : modes) {
    direct.push_back({pair.first, pair.second, ""});
    sources[pair.first] = targets[pair.second] = true;
  }
  for (const auto& [from, ignored] : sources) {
    for (const auto& [to, also_ignored] : targets) {
      if (from == to || modes.contains({from, to})) continue;
      if (auto pivot = FindPivot(modes, from, to)) indirect.push_back({from, to, *pivot});
    }
  }
  direct.insert(direct.end(), indirect.begin(), indirect.end());
  return direct;
}

// One text on its way: its sentences go one after the other through one direction or two.
struct Task {
  std::vector<Sentence> sentences;
  std::size_t at = 0;              // sentence
  std::size_t hop = 0;             // direction it is in
  std::vector<std::string> route;  // languages, first to last
  std::string current;             // the sentence at `at`, after `hop` directions
  std::string out;
  Done done;
};

class Apertium final : public Translator {
 public:
  Apertium(io::Loop& loop, Modes modes, const ApertiumOptions& options)
      : loop_(loop),
        options_(options),
        modes_(std::move(modes)),
        directions_(AllDirections(modes_)),
        alive_(std::make_shared<bool>(true)),
        check_(loop) {
    ArmCheck();
  }
  ~Apertium() override { *alive_ = false; }

  std::string_view name() const override { return "apertium"; }
  const std::vector<TranslationDirection>& directions() const override { return directions_; }

  void Warm(std::string_view from_code, std::string_view to_code) override {
    const auto route = RouteOf(PrimaryLanguage(from_code), PrimaryLanguage(to_code));
    for (std::size_t hop = 0; hop + 1 < route.size(); ++hop) PipelineFor(route[hop], route[hop + 1]).Warm();
  }

  void Translate(std::string text, std::string_view from_code, std::string_view to_code, Done done) override {
    auto task = std::make_shared<Task>();
    task->done = std::move(done);
    Status<> prepared = Prepare(*task, text, PrimaryLanguage(from_code), PrimaryLanguage(to_code));
    loop_.Post([this, alive = alive_, task, prepared = std::move(prepared)] {
      if (!*alive) return;
      if (!prepared.ok()) {
        task->done(Fail(prepared.error()));
      } else {
        Step(task);
      }
    });
  }

 private:
  Status<> Prepare(Task& task, const std::string& text, const std::string& from, const std::string& to) {
    if (text.size() > kMaxTranslationBytes) {
      return Fail("too_long", "the text has " + std::to_string(text.size()) + " bytes, more than " +
                                  std::to_string(kMaxTranslationBytes));
    }
    if (!IsValidUtf8(text)) return Fail("invalid_text", "the text is not valid UTF-8");
    task.route = RouteOf(from, to);
    if (task.route.empty()) {
      return Fail("unsupported_direction", "no installed translator goes from \"" + from + "\" to \"" + to + "\"");
    }
    task.sentences = SplitSentences(StripInvisible(text), kLongestPiece);
    return kOk;
  }

  // The languages a text goes through, both ends included; empty when there is no way.
  std::vector<std::string> RouteOf(const std::string& from, const std::string& to) const {
    if (from == to) return {from};
    if (modes_.contains({from, to})) return {from, to};
    if (auto pivot = FindPivot(modes_, from, to)) return {from, *pivot, to};
    return {};
  }

  // Sends the current sentence on, or finishes.
  void Step(const std::shared_ptr<Task>& task) {
    if (task->at == task->sentences.size() || task->route.size() == 1) {
      Finish(*task);
      return;
    }
    const Sentence& sentence = task->sentences[task->at];
    if (task->hop == 0) task->current = sentence.text;
    const bool has_words = task->current.find_first_not_of(" \n.!?") != std::string::npos;
    if (!has_words || task->hop + 1 == task->route.size()) {
      task->out += task->current + sentence.space;
      ++task->at;
      task->hop = 0;
      loop_.Post([this, alive = alive_, task] {
        if (*alive) Step(task);
      });
      return;
    }
    const std::string &from = task->route[task->hop], &to = task->route[task->hop + 1];
    PipelineFor(from, to).Translate(task->current, [this, task](Result<std::string> result) {
      if (!result.ok()) {
        task->done(Fail(result.error()));
        return;
      }
      task->current = TidyTranslation(*result, task->current, task->route[task->hop + 1]);
      ++task->hop;
      Step(task);
    });
  }

  static void Finish(Task& task) {
    if (task.route.size() == 1) {
      for (const Sentence& s : task.sentences) task.out += s.text + s.space;
    }
    task.done(Translation{std::move(task.out), task.route.size() == 3 ? task.route[1] : ""});
  }

  Pipeline& PipelineFor(const std::string& from, const std::string& to) {
    std::unique_ptr<Pipeline>& pipeline = pipelines_[{from, to}];
    if (!pipeline) pipeline = std::make_unique<Pipeline>(loop_, modes_.at({from, to}));
    if (!pipeline->running()) MakeRoom();
    return *pipeline;
  }

  void MakeRoom() {
    std::size_t running = 0;
    Pipeline* oldest = nullptr;
    for (const auto& [pair, pipeline] : pipelines_) {
      if (!pipeline->running()) continue;
      ++running;
      if (pipeline->idle() && (!oldest || pipeline->last_used() < oldest->last_used())) oldest = pipeline.get();
    }
    if (running >= options_.most_hot && oldest) oldest->Stop();
  }

  void ArmCheck() {
    check_.StartIn(kCheckEvery, [this] {
      const Time now = io::Now();
      for (const auto& [pair, pipeline] : pipelines_) {
        if (pipeline->running() && pipeline->idle() && now - pipeline->last_used() > options_.stop_after) {
          pipeline->Stop();
        }
      }
      ArmCheck();
    });
  }

  io::Loop& loop_;
  const ApertiumOptions options_;
  const Modes modes_;
  const std::vector<TranslationDirection> directions_;
  const std::shared_ptr<bool> alive_;
  std::map<std::pair<std::string, std::string>, std::unique_ptr<Pipeline>> pipelines_;
  io::Timer check_;
};

}  // namespace

Result<std::unique_ptr<Translator>> MakeApertium(io::Loop& loop, const ApertiumOptions& options) {
  Modes modes = FindModes(options.modes_directory);
  if (modes.empty()) {
    return Fail("backend_missing", "no apertium language pair is installed in " + options.modes_directory +
                                       ": install Debian packages such as apertium-eng-spa");
  }
  return std::unique_ptr<Translator>(std::make_unique<Apertium>(loop, std::move(modes), options));
}

}  // namespace jb::speech
