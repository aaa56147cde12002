// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// A login without a wire: what the server says is put into a session, and what the client answers is
// read from it.
#pragma once

#include <algorithm>
#include <cstring>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "pgstride/protocol/operations/startup.hpp"
#include "pgstride/protocol/session.hpp"

#include "tests/support/backend_writer.hpp"
#include "tests/support/frontend_words.hpp"

namespace pgstride::test {

inline StartupOptions user_with_password() {
  StartupOptions options;
  options.user = "me";
  options.database = "shop";
  options.password = Secret(std::string("pencil"));
  return options;
}

class Login final : public Startup {
 public:
  explicit Login(const StartupOptions& options) : Startup(options) {}
  std::optional<Derivation> wanted;
  std::optional<std::string> gss_token;  // of the server's, to make the next step with

 private:
  void on_derivation(Derivation derivation) override { wanted = std::move(derivation); }
  void on_gss(std::string token) override { gss_token = std::move(token); }
  void on_done() noexcept override {}
};

/// One login, its derivation done on the spot.
class Conversation {
 public:
  explicit Conversation(StartupOptions with = user_with_password(), std::size_t piece = SIZE_MAX)
      : options_(std::move(with)), piece_(piece) {
    submitted = session.submit(login);
    opening = first_packet_in_words(as_bytes(take()));
  }

  /// The client's answer.
  std::string says(std::string_view bytes) {
    while (!bytes.empty() && !session.failure()) {
      const auto space = session.prepare_read();
      const std::size_t count = std::min({space.size(), bytes.size(), piece_});
      std::memcpy(space.data(), bytes.data(), count);
      session.commit_read(count);
      bytes.remove_prefix(count);
      if (login.wanted) login.derived(std::exchange(login.wanted, {})->run());
    }
    return in_words(as_bytes(take()));
  }
  /// The payload of a Password message.
  std::string response(std::string_view bytes) {
    const std::string words = says(bytes);
    return words.starts_with("Password(") ? words.substr(9, words.size() - 10) : "";
  }

  bool connected() { return submitted && session.next_done() == &login && !login.failure(); }
  /// "" while nothing has gone wrong.
  std::string failure() const { return session.failure() ? describe(*session.failure()) : ""; }

 private:
  std::string take() {
    std::string sent(as_text(session.pending_write()));
    session.commit_write(sent.size());
    return sent;
  }

  StartupOptions options_;
  std::size_t piece_;

 public:
  Session session;
  Login login{options_};
  bool submitted = false;
  std::string opening;
};

inline std::string sasl(std::initializer_list<std::string_view> mechanisms) {
  std::string list;
  for (const auto mechanism : mechanisms) list += cstring(mechanism);
  return authentication(10, list + '\0');
}
inline std::string welcome() {
  return parameter_status("server_version", "15.4") + backend_key_data(7, "abcd") + ready_for_query();
}

}  // namespace pgstride::test
