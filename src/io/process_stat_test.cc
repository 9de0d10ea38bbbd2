// SPDX-License-Identifier: Apache-2.0
#include "io/process_stat.h"

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <unistd.h>

namespace jb::io {
namespace {

TEST(ProcessStat, OfThisProcessWhateverItsNameIs) {
  char before[16] = {};
  ASSERT_EQ(prctl(PR_GET_NAME, before), 0);
  ASSERT_EQ(prctl(PR_SET_NAME, "a) Z 1 (b"), 0);
  const auto stat = ReadProcessStat(getpid());
  prctl(PR_SET_NAME, before);
  ASSERT_TRUE(stat);
  EXPECT_EQ(stat->state, 'R');
  EXPECT_EQ(stat->group, getpgrp());
}

TEST(ProcessStat, OfNobodyIsNothing) { EXPECT_FALSE(ReadProcessStat(0x7FFFFFFF)); }

}  // namespace
}  // namespace jb::io
