// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/driver/passfile.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace pgstride::inline v0 {
namespace {

constexpr std::string_view space = " \t\r\n\f\v";

/// The whole of a file; nothing when it cannot be read. What outgrew its buffer is wiped.
std::optional<Secret> read_file(int fd) {
  std::vector<char, WipingAllocator<char>> text;
  char piece[4096];
  ssize_t count = 0;
  while ((count = ::read(fd, piece, sizeof piece)) > 0 || (count < 0 && errno == EINTR)) {
    if (count > 0) text.insert(text.end(), piece, piece + count);
  }
  wipe(piece, sizeof piece);
  if (count < 0) return std::nullopt;
  return Secret(std::string_view(text.data(), text.size()));
}

class Descriptor {
 public:
  explicit Descriptor(const std::string& path) noexcept
      : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const noexcept { return fd_; }

 private:
  int fd_;
};

std::string_view take_line(std::string_view& text) noexcept {
  const auto end = text.find('\n');
  auto line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

/// Whether the field that the line begins with matches; the line then begins with the next one.
bool match_field(std::string_view& line, std::string_view value) noexcept {
  if (line.starts_with("*:")) {
    line.remove_prefix(2);
    return true;
  }
  std::size_t matched = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == ':') {
      line.remove_prefix(i + 1);
      return matched == value.size();
    }
    if (line[i] == '\\' && i + 1 < line.size()) ++i;
    if (matched == value.size() || line[i] != value[matched++]) return false;
  }
  return false;
}

std::string_view trim(std::string_view text) noexcept {
  const auto first = text.find_first_not_of(space);
  return first == std::string_view::npos ? text.substr(text.size())
                                         : text.substr(first, text.find_last_not_of(space) + 1 - first);
}

}  // namespace

PasswordFile::PasswordFile(const std::string& path, std::string& warning) {
  const Descriptor file(path);
  struct stat status {};
  if (file.get() < 0 || ::fstat(file.get(), &status) != 0) return;
  if (!S_ISREG(status.st_mode)) {
    warning = "password file \"" + path + "\" is not a plain file";
  } else if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    warning =
        "password file \"" + path + "\" has group or world access; permissions should be u=rw (0600) or less";
  } else if (auto text = read_file(file.get())) {
    text_ = std::move(*text);
  }
}

Secret PasswordFile::find(std::string_view host, std::string_view port, std::string_view database,
                          std::string_view user) const {
  for (auto text = text_.reveal(); !text.empty();) {
    auto line = take_line(text);
    if (line.starts_with('#') || !match_field(line, host) || !match_field(line, port) ||
        !match_field(line, database) || !match_field(line, user)) {
      continue;
    }
    std::string password;
    password.reserve(line.size());
    for (std::size_t i = 0; i < line.size(); ++i) {
      if (line[i] == '\\' && i + 1 < line.size()) ++i;
      password += line[i];
    }
    return Secret(std::move(password));
  }
  return {};
}

std::optional<Service> read_service(const std::string& path, std::string_view name, OptionError& error) {
  Service service;
  const Descriptor file(path);
  const auto text = file.get() < 0 ? std::nullopt : read_file(file.get());
  auto rest = text ? text->reveal() : std::string_view{};
  for (int number = 1; !rest.empty(); ++number) {
    const auto line = trim(take_line(rest));
    if (line.empty() || line.starts_with('#')) continue;
    if (line.starts_with('[')) {
      if (service.is_defined) break;
      service.is_defined = line.ends_with(']') && line.substr(1, line.size() - 2) == name;
      continue;
    }
    if (!service.is_defined) continue;
    const auto equals = line.find('=');
    const auto key = trim(line.substr(0, equals));
    if (equals == std::string_view::npos || key.empty() || key == "service") {
      const char* what = key == "service" ? "a service within a service" : "syntax error";
      error = OptionError("service", 0,
                          std::string(what) + " in \"" + path + "\", line " + std::to_string(number));
      return std::nullopt;
    }
    service.settings.emplace_back(key, Secret(trim(line.substr(equals + 1))));
  }
  return service;
}

}  // namespace pgstride::inline v0
