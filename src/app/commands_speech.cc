// SPDX-License-Identifier: Apache-2.0
// The speech services as roles, and the speech backends from the shell.
#include "app/commands.h"
#include "app/gateway_config.h"
#include "base/log.h"
#include "io/file_limit.h"
#include "services/shell_commands.h"
#include "services/stt/service.h"
#include "services/translation/service.h"
#include "services/tts/service.h"

namespace jb::app {
namespace {

template <class ServiceConfig>
ServiceConfig Of(const SpeechServiceConfig& service) {
  ServiceConfig out;
  out.host = service.host;
  out.port = service.port;
  out.backend = service.backend;
  out.concurrency = service.concurrency;
  return out;
}

}  // namespace

void BeginRole(const Config& config, const char* service) {
  const std::string& level = config.log.level;
  const LogLevel least = level == "debug"   ? LogLevel::kDebug
                         : level == "warn"  ? LogLevel::kWarn
                         : level == "error" ? LogLevel::kError
                                            : LogLevel::kInfo;
  SetLog(least, config.log.format == "json" ? LogFormat::kJson : LogFormat::kText, service);
  io::RaiseFileLimit();
}

int RunStt(const Config& config) {
  BeginRole(config, "stt");
  return services::RunSttService(Of<services::SttServiceConfig>(config.stt));
}

int RunTranslation(const Config& config) {
  BeginRole(config, "translation");
  return services::RunTranslationService(Of<services::TranslationServiceConfig>(config.translation));
}

int RunTts(const Config& config) {
  BeginRole(config, "tts");
  return services::RunTtsService(Of<services::TtsServiceConfig>(config.tts));
}

int RunTranscribe(const SpeechArguments& arguments) {
  services::TranscribeCommand command;
  command.file = arguments.input;
  command.language = arguments.lang;
  command.backend = arguments.backend;
  command.json = arguments.json;
  return services::RunTranscribe(command);
}

int RunTranslate(const SpeechArguments& arguments) {
  services::TranslateCommand command;
  command.text = arguments.input;
  command.from = arguments.from;
  command.to = arguments.to;
  command.backend = arguments.backend;
  return services::RunTranslate(command);
}

int RunSynthesize(const SpeechArguments& arguments) {
  services::SynthesizeCommand command;
  command.text = arguments.input;
  command.language = arguments.lang;
  command.voice = arguments.voice;
  command.out = arguments.out;
  command.backend = arguments.backend;
  return services::RunSynthesize(command);
}

}  // namespace jb::app
