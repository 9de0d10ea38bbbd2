// SPDX-License-Identifier: Apache-2.0
// Each choice of the media path beside the simple form that it replaced, which stays in the code: docs/benchmarks.md.
#include "micro/compare.h"

int main() {
  std::printf("| choice | simple form | its ns | ours, ns | simple ÷ ours |\n|---|---|---|---|---|\n");
  jb::micro::CompareSrtp();
  jb::micro::CompareHeaders();
  jb::micro::CompareSending();
  jb::micro::CompareReceiving();
  jb::micro::CompareTimers();
  jb::micro::ComparePools();
  return 0;
}
