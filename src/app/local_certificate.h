// SPDX-License-Identifier: Apache-2.0
// The certificate that `serve --https` makes for a local network. It is kept between starts, since people
// have to accept it once on each of their devices. Control loop, at start.
#pragma once

#include <string>
#include <vector>

#include "crypto/certificate.h"

namespace jb::app {

// "localhost", this machine's name and addresses: what people may type.
std::vector<std::string> LocalNames();
// $XDG_STATE_HOME/jbcalling or ~/.local/state/jbcalling; empty when neither variable is set.
std::string StateDirectory();

// The one kept in `directory`, if it was made for these names within 30 days; else a fresh one, which is
// then kept there, the key readable by us alone. An unusable directory only means that it is not kept.
crypto::TlsCertificatePem LocalCertificate(const std::string& directory, const std::vector<std::string>& names);

}  // namespace jb::app
