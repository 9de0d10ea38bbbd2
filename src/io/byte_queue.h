// SPDX-License-Identifier: Apache-2.0
// Bytes that wait for a slow peer: appended behind, taken in front. Value type.
#pragma once

#include <cstddef>

#include "base/bytes.h"

namespace jb::io {

class ByteQueue {
 public:
  void Append(ByteView bytes) { bytes_.insert(bytes_.end(), bytes.begin(), bytes.end()); }
  ByteView waiting() const { return ByteView(bytes_).subspan(at_); }
  std::size_t size() const { return bytes_.size() - at_; }
  bool empty() const { return size() == 0; }

  // The first `n` have gone. What has gone is given up once it is half of all, so that a queue which never
  // runs empty holds at most twice what ever waited; each byte is moved once on average.
  void Take(std::size_t n) {
    at_ += n;
    if (at_ == bytes_.size()) {
      bytes_ = Bytes();  // peers that read slowly once mostly do not again
      at_ = 0;
    } else if (at_ > bytes_.size() / 2) {
      bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(at_));
      at_ = 0;
    }
  }
  std::size_t held() const { return bytes_.size(); }

 private:
  Bytes bytes_;
  std::size_t at_ = 0;  // gone of it
};

}  // namespace jb::io
