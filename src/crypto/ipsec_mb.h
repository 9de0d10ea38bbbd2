// SPDX-License-Identifier: Apache-2.0
// Private to src/crypto: the functions of Intel's multi-buffer library. Included only where it is built in.
#pragma once

#include <intel-ipsec-mb.h>

namespace jb::crypto {

// A table of function pointers for this CPU; immutable, so threads share what needs no state. nullptr when the CPU
// has no AES instructions: then the library's own fallback is slower than OpenSSL.
const IMB_MGR* IpsecMbLibrary();

}  // namespace jb::crypto
