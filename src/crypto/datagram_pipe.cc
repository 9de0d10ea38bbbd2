// SPDX-License-Identifier: Apache-2.0
#include "crypto/datagram_pipe.h"

#include <algorithm>
#include <cstring>

#include "base/result.h"

namespace jb::crypto {
namespace {

DatagramPipe& PipeOf(BIO* bio) { return *static_cast<DatagramPipe*>(BIO_get_data(bio)); }

int Read(BIO* bio, char* out, int size) {
  BIO_clear_retry_flags(bio);
  DatagramPipe& pipe = PipeOf(bio);
  if (pipe.input.empty() || size <= 0) {
    BIO_set_retry_read(bio);
    return -1;
  }
  const std::size_t n = std::min(pipe.input.size(), static_cast<std::size_t>(size));
  std::memcpy(out, pipe.input.data(), n);
  pipe.input = {};  // as recvfrom: what does not fit is lost
  return static_cast<int>(n);
}

int Write(BIO* bio, const char* data, int size) {
  BIO_clear_retry_flags(bio);
  if (size > 0) PipeOf(bio).output.emplace_back(data, data + size);
  return size;
}

long Control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

const BIO_METHOD* Method() {
  static const BIO_METHOD* const method = [] {
    BIO_METHOD* m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "datagram pipe");
    JB_CHECK(m != nullptr);
    BIO_meth_set_read(m, Read);
    BIO_meth_set_write(m, Write);
    BIO_meth_set_ctrl(m, Control);
    return m;
  }();
  return method;
}

}  // namespace

BioPtr MakeDatagramBio(DatagramPipe& pipe) {
  BioPtr bio(BIO_new(Method()));
  JB_CHECK(bio != nullptr);
  BIO_set_data(bio.get(), &pipe);
  BIO_set_init(bio.get(), 1);
  return bio;
}

}  // namespace jb::crypto
