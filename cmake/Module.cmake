# SPDX-License-Identifier: Apache-2.0
# One library per folder under src/. Sources are found by their names:
#   x.cc            the library jb_<module>
#   x_test.cc       one gtest program <module>_test
#   x_fuzz.cc       one libFuzzer program each (JB_FUZZ)
#
# jb_module(sfu DEPS base crypto LINK PkgConfig::X)
function(jb_module name)
  cmake_parse_arguments(ARG "" "" "DEPS;LINK;TEST_LINK" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  set(tests ${sources})
  set(fuzzers ${sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  list(FILTER fuzzers INCLUDE REGEX "_fuzz\\.cc$")
  list(FILTER sources EXCLUDE REGEX "(_test|_fuzz)\\.cc$")

  set(dep_targets)
  foreach(dep ${ARG_DEPS})
    list(APPEND dep_targets jb_${dep})
  endforeach()

  if(sources)
    add_library(jb_${name} STATIC ${sources})
    target_link_libraries(jb_${name} PUBLIC jb_options ${dep_targets} ${ARG_LINK})
  else()
    add_library(jb_${name} INTERFACE)
    target_link_libraries(jb_${name} INTERFACE jb_options ${dep_targets} ${ARG_LINK})
  endif()

  if(JB_TESTS AND tests)
    find_package(GTest REQUIRED)
    add_executable(${name}_test ${tests})
    target_link_libraries(${name}_test PRIVATE jb_${name} jb_testing GTest::gmock GTest::gtest_main ${ARG_TEST_LINK})
    target_compile_definitions(${name}_test PRIVATE
      JB_SOURCE_DIR="${PROJECT_SOURCE_DIR}" JB_GOLDEN_DIR="${PROJECT_SOURCE_DIR}/tests/golden")
    add_test(NAME ${name}_test COMMAND ${name}_test)
    set_tests_properties(${name}_test PROPERTIES TIMEOUT 300 LABELS unit)
  endif()
  if(JB_FUZZ)
    foreach(fuzzer ${fuzzers})
      jb_fuzzer(${fuzzer} jb_${name})
    endforeach()
  endif()
endfunction()

# One libFuzzer program from one x_fuzz.cc; its seeds lie in tests/fuzz/corpus/x/ when there are any.
# ctest runs it for JB_FUZZ_SECONDS.
set(JB_FUZZ_SECONDS 3 CACHE STRING "How long ctest runs each fuzz target")
function(jb_fuzzer source library)
  get_filename_component(stem ${source} NAME_WE)
  add_executable(${stem} ${source})
  target_link_libraries(${stem} PRIVATE ${library} jb_testing)
  target_link_options(${stem} PRIVATE -fsanitize=fuzzer)
  string(REGEX REPLACE "_fuzz$" "" corpus ${stem})
  set(seeds ${PROJECT_SOURCE_DIR}/tests/fuzz/corpus/${corpus})
  set(grown ${CMAKE_BINARY_DIR}/corpus/${corpus})
  file(MAKE_DIRECTORY ${grown})
  if(NOT EXISTS ${seeds})
    set(seeds)
  endif()
  add_test(NAME ${stem} COMMAND ${stem} -max_total_time=${JB_FUZZ_SECONDS} -timeout=5 -rss_limit_mb=2048
    -artifact_prefix=${CMAKE_BINARY_DIR}/ ${grown} ${seeds})
  set_tests_properties(${stem} PROPERTIES LABELS fuzz TIMEOUT 300)
endfunction()
