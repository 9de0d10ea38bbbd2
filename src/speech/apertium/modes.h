// SPDX-License-Identifier: Apache-2.0
// The translation directions that Debian's apertium packages installed: their mode files, read as data. A
// mode line is never given to a shell as it is: only known programs with plain arguments are accepted, and
// each argument is quoted again.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace jb::speech {

using Stage = std::vector<std::string>;  // argv of one program

struct Mode {
  std::string from;  // BCP-47 primary subtags
  std::string to;
  std::vector<Stage> stages;  // each with -z, so that it flushes at NUL
};

// From "eng-spa.mode": the languages it goes from and to, each several where apertium has one code for them
// ("hbs" is Bosnian, Croatian and Serbian as a source; as a target its variants are told apart), and whether
// it is another variant of a language ("cat_valencia"). nullopt: no plain pair ("en-eo-bytecode.mode").
struct ModeName {
  std::vector<std::string> from;
  std::vector<std::string> to;
  bool variant = false;
};
std::optional<ModeName> ParseModeName(std::string_view file_name);

// The last line of a mode file: programs joined by '|', arguments bare or in quotes, $1 and $2 standing for
// options. $1 becomes -n (generate without marks on unknown words), $2 nothing. nullopt: anything else.
std::optional<std::vector<Stage>> ParseModeLine(std::string_view line);

using Modes = std::map<std::pair<std::string, std::string>, Mode>;  // by (from, to)
// Of variants the plain mode wins, then the first by name. Modes whose data files are missing are left out.
Modes FindModes(const std::string& directory = "/usr/share/apertium/modes");

// The language to go through from `from` to `to`: English, Spanish, Catalan, French, then by code.
std::optional<std::string> FindPivot(const Modes& modes, const std::string& from, const std::string& to);

// For sh -c in a process group of its own: the stages joined by pipes. Kills the group when a stage ends.
std::string ShellPipeline(const std::vector<Stage>& stages);

}  // namespace jb::speech
