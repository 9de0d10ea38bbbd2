// SPDX-License-Identifier: Apache-2.0
// Two seconds of a moving test pattern, VP8, 96x64 at 5 frames per second, as an IVF file: the camera of
// a participant that has none.
#pragma once

#include "base/bytes.h"

namespace jb::client {

ByteView TestCardIvf();

}  // namespace jb::client
