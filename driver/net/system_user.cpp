// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/driver/net/system_user.hpp"

#include <pwd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <vector>

namespace pgstride::inline v0 {
namespace {

/// One field of a user's entry; empty when there is none.
std::string look_up(uid_t user, char* passwd::*field) {
  std::vector<char> buffer(1024);
  passwd entry{};
  passwd* found = nullptr;
  while (::getpwuid_r(user, &entry, buffer.data(), buffer.size(), &found) == ERANGE) {
    buffer.resize(buffer.size() * 2);
  }
  return found != nullptr ? found->*field : "";
}

std::string name_of(uid_t user) { return look_up(user, &passwd::pw_name); }

}  // namespace

std::string login_name() { return name_of(::geteuid()); }

std::string home_directory() {
  if (const char* home = std::getenv("HOME"); home != nullptr && *home != '\0') return home;
  return look_up(::geteuid(), &passwd::pw_dir);
}

std::string peer_name(int fd) {
#ifdef SO_PEERCRED
  ucred peer{};
  socklen_t size = sizeof peer;
  return ::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 ? name_of(peer.uid) : "";
#else
  uid_t user = 0;
  gid_t group = 0;
  return ::getpeereid(fd, &user, &group) == 0 ? name_of(user) : "";
#endif
}

}  // namespace pgstride::inline v0
