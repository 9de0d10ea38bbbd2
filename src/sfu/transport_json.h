// SPDX-License-Identifier: Apache-2.0
// The JSON of creating and connecting a transport (sfu-contract sections 3 and 4). Pure functions.
#pragma once

#include <string>

#include "base/json.h"
#include "crypto/dtls.h"
#include "sfu/ice_server.h"
#include "sfu/worker.h"

namespace jb::sfu {

json::object IceParametersJson(const IceCredentials& credentials);
json::array IceCandidatesJson(const std::vector<IceCandidateAddress>& announced);
json::object DtlsParametersJson(const std::string& fingerprint_sha256);

struct RemoteDtlsParameters {
  crypto::DtlsRole our_role = crypto::DtlsRole::kServer;
  crypto::Fingerprint fingerprint;
};
// invalid_parameters when there is no fingerprint we could check.
Result<RemoteDtlsParameters> ParseDtlsParameters(const json::value& from);

}  // namespace jb::sfu
