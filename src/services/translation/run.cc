// SPDX-License-Identifier: Apache-2.0
#include "services/common/run_service.h"
#include "services/translation/service.h"

namespace jb::services {

int RunTranslationService(const TranslationServiceConfig& config) {
  return RunService<TranslationService>("translation", config);
}

}  // namespace jb::services
