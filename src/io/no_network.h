// SPDX-License-Identifier: Apache-2.0
// Takes the network away from a child between fork and exec. For the .cc files of jb::io only.
#pragma once

namespace jb::io {

// From here on this process and all that it starts cannot open a socket, whatever program they execute: a
// network namespace of its own where that is permitted, and a seccomp filter, which needs no privilege.
// False when neither is to be had; errno says why. Async-signal-safe.
bool TakeNetworkAway();

}  // namespace jb::io
