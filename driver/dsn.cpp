// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/driver/dsn.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace pgstride::inline v0 {
namespace {

constexpr std::string_view space = " \t\n\r\f\v";

int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// What both notations share: a position in the input, and where the findings go.
class Scanner {
 public:
  Scanner(std::string_view dsn, std::size_t at, std::vector<DsnSetting>& settings, OptionError& error)
      : dsn_(dsn), at_(at), settings_(settings), error_(error) {}

 protected:
  bool at_end() const noexcept { return at_ == dsn_.size(); }
  bool at(char c) const noexcept { return !at_end() && dsn_[at_] == c; }
  bool at_one_of(std::string_view set) const noexcept {
    return !at_end() && set.find(dsn_[at_]) != std::string_view::npos;
  }
  bool skip(char c) noexcept { return at(c) && ++at_ != 0; }
  void skip_space() noexcept { at_ = std::min(dsn_.find_first_not_of(space, at_), dsn_.size()); }
  /// Everything up to the first of `set`, or the end.
  std::string_view take_until(std::string_view set) noexcept {
    const auto end = std::min(dsn_.find_first_of(set, at_), dsn_.size());
    const auto taken = dsn_.substr(at_, end - at_);
    at_ = end;
    return taken;
  }
  std::size_t position_of(std::string_view part) const noexcept {
    return static_cast<std::size_t>(part.data() - dsn_.data()) + 1;
  }

  bool fail(std::size_t position, const char* why) {
    error_ = OptionError({}, position, why);
    return false;
  }
  DsnSetting& add(std::string key, std::string value, std::size_t position) {
    return settings_.emplace_back(std::move(key), Secret(std::move(value)), position);
  }

  std::string_view dsn_;
  std::size_t at_;
  std::vector<DsnSetting>& settings_;
  OptionError& error_;
};

/// scheme://[user[:password]@][host[:port],…][/dbname][?key=value&…]
class Url : Scanner {
 public:
  Url(std::string_view dsn, std::size_t scheme, std::vector<DsnSetting>& settings, OptionError& error)
      : Scanner(dsn, scheme, settings, error) {}

  bool parse() { return user_and_password() && hosts() && database() && query(); }

 private:
  bool user_and_password() {
    const auto end = dsn_.find_first_of("@/", at_);
    if (end == std::string_view::npos || dsn_[end] != '@') return true;
    if (!component("user", take_until(":@"))) return false;
    if (skip(':') && !component("password", take_until("@"))) return false;
    return skip('@');
  }

  bool hosts() {
    const auto start = at_;
    std::string names;
    std::string ports;
    do {
      if (start != at_) {
        names += ',';
        ports += ',';
      }
      std::string_view name;
      if (at('[')) {
        if (!bracketed(name)) return false;
      } else {
        name = take_until(":/?,");
      }
      if (!decode(name, names)) return false;
      if (!skip(':')) continue;
      const auto port = take_until("/?,");
      if (!decode(port, ports)) return false;
    } while (skip(','));
    if (!names.empty()) add("host", std::move(names), start + 1);
    if (!ports.empty()) add("port", std::move(ports), start + 1);
    return true;
  }

  bool bracketed(std::string_view& name) {
    const auto open = at_++;
    name = take_until("]");
    if (name.empty() || !skip(']') || (!at_end() && !at_one_of(":/?,"))) {
      return fail(open + 1, "invalid IPv6 address");
    }
    return true;
  }

  bool database() { return !skip('/') || component("dbname", take_until("?")); }

  bool query() {
    if (!skip('?')) return true;
    // An '@' down here means that the authority ended too early, inside a password.
    const bool is_showable = dsn_.find('@', at_) == std::string_view::npos;
    while (!at_end()) {
      const auto raw_key = take_until("=&");
      const auto position = position_of(raw_key);
      if (!skip('=')) return fail(position, "missing \"=\" after an option");
      const auto raw_value = take_until("&");
      skip('&');
      if (raw_value.find('=') != std::string_view::npos) {
        return fail(position_of(raw_value), "extra \"=\" in an option; write %3D");
      }
      std::string key;
      std::string value;
      if (!decode(raw_key, key) || !decode(raw_value, value)) return false;
      if (key.empty()) return fail(position, "missing option name");
      if (key == "ssl" && value == "true") {  // as JDBC writes it
        key = "sslmode";
        value = "require";
      }
      add(std::move(key), std::move(value), position).key_is_showable = is_showable;
    }
    return true;
  }

  bool component(const char* key, std::string_view raw) {
    std::string value;
    if (!decode(raw, value)) {
      error_.option = key;
      return false;
    }
    if (!value.empty()) add(key, std::move(value), position_of(raw));
    return true;
  }

  /// Appends `raw` to `out`, percent-decoded.
  bool decode(std::string_view raw, std::string& out) {
    out.reserve(out.size() + raw.size());  // no outgrown copy of a password is left behind
    for (std::size_t i = 0; i < raw.size(); ++i) {
      char c = raw[i];
      if (c == '%') {
        const int high = i + 1 < raw.size() ? hex_digit(raw[i + 1]) : -1;
        const int low = i + 2 < raw.size() ? hex_digit(raw[i + 2]) : -1;
        if (high < 0 || low < 0) return fail(position_of(raw) + i, "invalid percent-encoding");
        c = static_cast<char>(high * 16 + low);
        if (c == '\0') return fail(position_of(raw) + i, "NUL is not allowed");
        i += 2;
      }
      out += c;
    }
    return true;
  }
};

/// key = value … where a value is bare or in single quotes, and \ takes the next character as it is.
class Keywords : Scanner {
 public:
  Keywords(std::string_view dsn, std::vector<DsnSetting>& settings, OptionError& error)
      : Scanner(dsn, 0, settings, error) {}

  bool parse() {
    for (skip_space(); !at_end(); skip_space()) {
      const auto key = take_until("= \t\n\r\f\v");
      const auto position = position_of(key);
      skip_space();
      if (!skip('=')) return fail(position, "missing \"=\" after an option");
      if (key.empty()) return fail(position, "missing option name");
      skip_space();
      std::string text;
      if (!value(text)) return false;
      add(std::string(key), std::move(text), position).key_is_showable = is_showable_;
      // What follows a password may be the rest of it, cut off by a blank or a quote.
      if (key.find("pass") != std::string_view::npos) is_showable_ = false;
    }
    return true;
  }

 private:
  bool value(std::string& out) {
    const bool is_quoted = skip('\'');
    const auto start = at_;
    while (!at_end() && !(is_quoted ? at('\'') : at_one_of(space))) {
      at_ += at('\\') && at_ + 1 < dsn_.size() ? 2 : 1;
    }
    const auto raw = dsn_.substr(start, at_ - start);
    if (is_quoted && !skip('\'')) return fail(start, "unterminated quoted value");
    out.reserve(raw.size());  // no outgrown copy of a password is left behind
    for (std::size_t i = 0; i < raw.size(); ++i) {
      if (raw[i] == '\\' && ++i == raw.size()) break;
      out += raw[i];
    }
    return true;
  }

  bool is_showable_ = dsn_.find('@') == std::string_view::npos;  // else perhaps a URL without its scheme
};

/// Where a URL's scheme ends; nothing when this is not one of our URLs.
std::optional<std::size_t> scheme_end(std::string_view dsn) noexcept {
  for (const std::string_view scheme : {"postgresql://", "postgres://"}) {
    if (dsn.starts_with(scheme)) return scheme.size();
  }
  return std::nullopt;
}

}  // namespace

std::string OptionError::message() const {
  std::string text;
  if (!option.empty()) text = "option \"" + option + "\"";
  if (position != 0)
    text += (option.empty() ? "connection string at position " : " at position ") + std::to_string(position);
  return text.empty() ? reason : text + ": " + reason;
}

bool parse_dsn(std::string_view dsn, std::vector<DsnSetting>& settings, OptionError& error) {
  const auto refuse = [&](std::size_t position, const char* why) {
    error = OptionError({}, position, why);
    return false;
  };
  if (const auto nul = dsn.find('\0'); nul != std::string_view::npos)
    return refuse(nul + 1, "NUL is not allowed");
  if (const auto scheme = scheme_end(dsn)) return Url(dsn, *scheme, settings, error).parse();
  if (dsn.substr(0, dsn.find_first_of("= ")).find("://") != std::string_view::npos) {
    return refuse(1, "a URL must begin with \"postgresql://\" or \"postgres://\"");
  }
  return Keywords(dsn, settings, error).parse();
}

}  // namespace pgstride::inline v0
