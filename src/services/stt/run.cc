// SPDX-License-Identifier: Apache-2.0
#include "services/common/run_service.h"
#include "services/stt/service.h"

namespace jb::services {

int RunSttService(const SttServiceConfig& config) { return RunService<SttService>("stt", config); }

}  // namespace jb::services
