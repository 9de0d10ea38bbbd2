# SPDX-License-Identifier: Apache-2.0
# Flags every target of ours is compiled with. Interface target: jb_options.
find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)

add_library(jb_options INTERFACE)
target_include_directories(jb_options INTERFACE ${PROJECT_SOURCE_DIR}/src)
target_compile_options(jb_options INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wno-sign-conversion -Werror
  -fno-omit-frame-pointer)
target_link_libraries(jb_options INTERFACE Threads::Threads)

set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1")
set(CMAKE_CXX_FLAGS_DEBUG "-O1 -g1")
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

if(JB_SANITIZE)
  add_compile_options(-fsanitize=${JB_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${JB_SANITIZE})
  if(JB_SANITIZE STREQUAL "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # Asio's fence around handlers, which g++ cannot instrument and warns of; its mutex orders them already.
    add_compile_options(-Wno-tsan)
  endif()
elseif(CMAKE_BUILD_TYPE STREQUAL "Release")
  # OpenSSF compiler hardening guide, the subset g++ 12 has.
  add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -fstack-protector-strong
    -fstack-clash-protection -ftrivial-auto-var-init=zero)
  add_compile_definitions(_GLIBCXX_ASSERTIONS)
  add_link_options(-pie -Wl,-z,relro,-z,now,-z,noexecstack)
  if(CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
    add_compile_options(-fcf-protection)
  endif()
endif()
if(JB_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
