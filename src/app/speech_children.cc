// SPDX-License-Identifier: Apache-2.0
#include "app/speech_children.h"

#include <filesystem>

#include "io/interfaces.h"

namespace jb::app {
namespace {

constexpr Duration kProbeInterval = std::chrono::milliseconds(100);
constexpr Duration kProbeTimeout = std::chrono::seconds(2);

// The program's path for `ps`; its inode when the file was replaced meanwhile.
std::string OwnProgram() {
  std::error_code ec;
  const auto path = std::filesystem::read_symlink("/proc/self/exe", ec);
  return !ec && std::filesystem::exists(path, ec) ? path.string() : "/proc/self/exe";
}

}  // namespace

std::vector<std::string> ChildArguments(const Config& config, const std::string& program, const std::string& role) {
  std::vector<std::string> arguments{program, role};
  const auto set = [&arguments](const std::string& flag) {
    arguments.push_back("--set");
    arguments.push_back(flag);
  };
  set(role + ".host=127.0.0.1");
  for (const char* key : {".port", ".backend", ".concurrency"}) set(SetFlag(config, role + key));
  for (const char* key : {"models.dir", "log.level", "log.format"}) set(SetFlag(config, key));
  return arguments;
}

SpeechChildren::SpeechChildren(io::Loop& loop) : loop_(loop), client_(loop), poll_(loop), limit_(loop) {}
SpeechChildren::~SpeechChildren() = default;

Result<std::unique_ptr<SpeechChildren>> SpeechChildren::Start(io::Loop& loop, const Config& config) {
  const std::pair<const char*, const SpeechServiceConfig&> services[] = {
      {"stt", config.stt}, {"translation", config.translation}, {"tts", config.tts}};
  const std::string program = OwnProgram();
  std::unique_ptr<SpeechChildren> out(new SpeechChildren(loop));
  for (const auto& [role, service] : services) {
    if (!service.url.empty()) continue;
    const auto free = io::CheckTcpPort(*SocketAddress::Parse("127.0.0.1", service.port));
    if (!free.ok()) return Fail(free.error().code, std::string(role) + ".port: " + free.error().message);
    io::ChildOptions options;
    options.argv = ChildArguments(config, program, role);
    options.pipe_stdin = false;
    options.pipe_stdout = false;
    options.stderr_to = io::StderrTo::kInherit;  // its log lines carry its name
    auto child = std::make_unique<Child>();
    child->name = role;
    child->url = ServiceUrl(service);
    child->supervisor = std::make_unique<io::Supervisor>(loop, role, std::move(options));
    out->children_.push_back(std::move(child));
  }
  for (const auto& child : out->children_) child->supervisor->Start();
  return out;
}

void SpeechChildren::WhenReady(Duration limit, std::function<void(const std::vector<std::string>&)> fn) {
  on_ready_ = std::move(fn);
  limit_.StartIn(limit, [this] {
    poll_.Cancel();
    if (const auto run = std::exchange(on_ready_, nullptr)) run(Late());
  });
  Probe();
}

void SpeechChildren::Probe() {
  for (const auto& child : children_) {
    if (child->ready) continue;
    io::HttpClientRequest request;
    request.url = child->url + "/readyz";
    request.timeout = kProbeTimeout;
    client_.Send(std::move(request), [this, c = child.get()](Result<io::HttpResponse> answer) {
      c->ready = c->ready || (answer.ok() && answer->status == 200);
      CheckReady();
    });
  }
  poll_.StartIn(kProbeInterval, [this] { Probe(); });
  CheckReady();
}

void SpeechChildren::CheckReady() {
  if (!on_ready_ || !Late().empty()) return;
  poll_.Cancel();
  limit_.Cancel();
  std::exchange(on_ready_, nullptr)({});
}

std::vector<std::string> SpeechChildren::Late() const {
  std::vector<std::string> names;
  for (const auto& child : children_) {
    if (!child->ready) names.push_back(child->name);
  }
  return names;
}

void SpeechChildren::Stop(std::function<void()> done) {
  poll_.Cancel();
  limit_.Cancel();
  on_ready_ = nullptr;
  stopping_ = children_.size();
  if (stopping_ == 0) return loop_.Post(std::move(done));
  for (const auto& child : children_) {
    child->supervisor->Stop([this, done] {
      if (--stopping_ == 0) done();
    });
  }
}

}  // namespace jb::app
