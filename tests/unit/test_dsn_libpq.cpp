// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// The parser of connection strings beside libpq's own, on generated input. libpq is loaded while
// running, so that building the tests does not need it.
#include <dlfcn.h>

#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "pgstride/driver/dsn.hpp"

using namespace pgstride;

namespace {

/// As libpq-fe.h has it, unchanged since PostgreSQL 7.
struct Option {
  char* keyword;
  char* variable;
  char* compiled;
  char* value;
  char* label;
  char* display;
  int size;
};

class Libpq {
 public:
  Libpq() {
    for (const char* name : {"libpq.so.5", "libpq.5.dylib"}) {
      if (library_ == nullptr) library_ = ::dlopen(name, RTLD_NOW | RTLD_LOCAL);
    }
    if (library_ == nullptr) return;
    find(parse_, "PQconninfoParse");
    find(free_options_, "PQconninfoFree");
    find(free_memory_, "PQfreemem");
    Option* options = parse_("", nullptr);
    for (const Option* option = options; option->keyword != nullptr; ++option)
      keywords_.insert(option->keyword);
    free_options_(options);
  }
  Libpq(const Libpq&) = delete;
  Libpq& operator=(const Libpq&) = delete;

  bool is_there() const { return library_ != nullptr; }

  using Settings = std::map<std::string, std::string>;

  /// What was set; nothing when it is malformed.
  std::optional<Settings> settings(const std::string& dsn) {
    char* error = nullptr;
    Option* options = parse_(dsn.c_str(), &error);
    if (error != nullptr) free_memory_(error);
    if (options == nullptr) return std::nullopt;
    Settings settings;
    for (const Option* option = options; option->keyword != nullptr; ++option) {
      if (option->value != nullptr) settings[option->keyword] = option->value;
    }
    free_options_(options);
    return settings;
  }
  bool knows(const std::string& keyword) const { return keywords_.contains(keyword); }

 private:
  template <class Function>
  void find(Function& function, const char* name) {
    function = reinterpret_cast<Function>(::dlsym(library_, name));
    BOOST_REQUIRE(function != nullptr);
  }

  void* library_ = nullptr;
  std::set<std::string> keywords_;
  Option* (*parse_)(const char*, char**) = nullptr;
  void (*free_options_)(Option*) = nullptr;
  void (*free_memory_)(void*) = nullptr;
};

std::optional<Libpq::Settings> ours(const std::string& dsn, const Libpq& libpq) {
  std::vector<DsnSetting> parsed;
  OptionError error;
  if (!parse_dsn(dsn, parsed, error)) return std::nullopt;
  Libpq::Settings settings;
  for (const DsnSetting& setting : parsed) {
    // Which keywords there are is the next room's business.
    if (!libpq.knows(setting.key)) return std::nullopt;
    settings[setting.key] = std::string(setting.value.reveal());
  }
  return settings;
}

std::string text(const std::optional<Libpq::Settings>& settings) {
  if (!settings) return "malformed";
  std::string all;
  for (const auto& [key, value] : *settings) all += key + "=" + value + "|";
  return all;
}

class Generator {
 public:
  explicit Generator(unsigned seed) : dice_(seed) {}

  std::string dsn() {
    std::string text = roll(2) == 0 ? url() : keywords();
    for (std::size_t slips = roll(3); slips > 0 && !text.empty(); --slips) {
      const std::size_t at = roll(text.size());
      switch (roll(3)) {
        case 0: text.erase(at, 1); break;
        case 1: text.insert(at, 1, slip()); break;
        default: text[at] = slip();
      }
    }
    return text;
  }

 private:
  std::size_t roll(std::size_t sides) {
    return std::uniform_int_distribution<std::size_t>(0, sides - 1)(dice_);
  }
  template <std::size_t count>
  std::string one_of(const char* const (&list)[count]) {
    return list[roll(count)];
  }
  char slip() {
    constexpr std::string_view characters = " '\\%@:/?=&,[]\t\n\r0aF2#+";
    return characters[roll(characters.size())];
  }

  std::string url() {
    std::string text = one_of({"postgres://", "postgresql://", "postgresql://"});
    text += one_of({"", "", "u@", "u:p@", ":p@", "u:@", "u:p:q@", "u%40:%70@", "u:p/q@", "u:p?q@"});
    text += one_of({"", "h", "h:1", "a,b", "a:1,b:2", "a:1,,b", "[::1]", "[::1]:5,b", "%2Ftmp", "h:", ":5"});
    text += one_of({"", "", "/", "/d", "/d%20e", "/d/e"});
    std::string separator = "?";
    for (std::size_t i = roll(4); i > 0; --i) {
      text += std::exchange(separator, "&") + keyword() + "=" +
              one_of({"", "x", "a%20b", "%2F", "a+b", "a b", "h,i", "true"});
    }
    return text;
  }
  std::string keywords() {
    std::string text;
    for (std::size_t i = roll(5); i > 0; --i) {
      text += keyword() + one_of({"=", "=", "=", " = ", "= ", "\t=\n"});
      text += one_of(
          {"x", "''", "'a b'", "'it\\'s'", "a\\ b", "a'b", "\\\\", "'\\\\'", "%20", "", "postgres://h", "é"});
      text += one_of({" ", " ", "\n", "", "  "});
    }
    return text;
  }
  std::string keyword() {
    return one_of(
        {"host", "port", "user", "password", "dbname", "options", "sslmode", "ssl", "nonsense", "us%65r"});
  }

  std::mt19937 dice_;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(dsn_libpq)

BOOST_AUTO_TEST_CASE(both_read_the_same) {
  Libpq libpq;
  if (!libpq.is_there()) {
    BOOST_TEST_MESSAGE("SKIPPED: there is no libpq on this machine to compare with");
    return;
  }
  Generator generator(20260101);
  std::size_t well_formed = 0;
  for (int i = 0; i < 20'000; ++i) {
    const std::string dsn = generator.dsn();
    const auto theirs = libpq.settings(dsn);
    const std::string mine = text(ours(dsn, libpq));
    BOOST_TEST_REQUIRE(mine == text(theirs), dsn << " is to us " << mine << ", to libpq " << text(theirs));
    well_formed += theirs ? 1 : 0;
  }
  BOOST_TEST((well_formed > 2'000 && well_formed < 18'000), well_formed);
}

BOOST_AUTO_TEST_SUITE_END()
