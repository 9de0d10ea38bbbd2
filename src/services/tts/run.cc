// SPDX-License-Identifier: Apache-2.0
#include "services/common/run_service.h"
#include "services/tts/service.h"

namespace jb::services {

int RunTtsService(const TtsServiceConfig& config) { return RunService<TtsService>("tts", config); }

}  // namespace jb::services
