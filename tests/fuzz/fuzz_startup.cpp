// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// A login at the mercy of whoever answers. Input: two bytes that choose what we are ready to go along
// with, one that says how long the pieces are, and then all that the server says.
//
// Whatever that is: the password leaves in clear text, and the token at all, only where that is
// allowed; nobody is let in by a way that is excluded; and who demands a proof of the server's gets one.
// Proves FZ-4.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "pgstride/protocol/operations/startup.hpp"
#include "pgstride/protocol/session.hpp"

#include "tests/support/require.hpp"

using namespace pgstride;
using namespace pgstride::test;

namespace {

constexpr std::string_view password = "open-sesame";
constexpr std::string_view token = "a-bearers-token";

struct Login final : Startup {
  explicit Login(const StartupOptions& options) : Startup(options) {}

  void on_derivation(Derivation derivation) override { derived(derivation.run()); }
  void on_gss(std::string from_server) override {
    asked = true;
    step.token = from_server.empty() ? "ticket" : "";
    step.is_complete = !from_server.empty();
    step.problem = from_server == "bad" ? "bad" : "";
  }
  void on_done() noexcept override {}

  bool asked = false;
  GssStep step;
};

StartupOptions options_from(std::uint8_t first, std::uint8_t second) {
  StartupOptions options;
  options.user = options.database = "me";
  options.password = Secret(password);
  options.token = Secret(token);
  options.clear_text_allowed = (first & 1) != 0;
  options.token_allowed = (first & 2) != 0;
  options.encrypted = (first & 4) != 0;
  options.server_end_point = (first & 8) != 0 ? std::string(32, 'h') : "";
  options.channel_binding = static_cast<BindingPolicy>((first >> 4) % 3);
  options.max_version = (first & 0x80) != 0 ? frontend::protocol_3_2 : frontend::protocol_3_0;
  options.scram.max_iterations = 64;
  constexpr const char* lists[] = {"!none", "none",  "scram-sha-256", "md5,password",
                                   "gss",   "oauth", "!gss,!oauth"};
  require(second == 0 || options.methods.parse(lists[second % std::size(lists)]) == nullptr);
  return options;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  const StartupOptions options = options_from(data[0], data[1]);
  const std::size_t piece = data[2] + std::size_t{1};
  std::string_view said(reinterpret_cast<const char*>(data) + 3, size - 3);

  Session session;
  Login login(options);
  require(session.submit(login));
  std::string sent;
  const auto take = [&] {
    const Bytes pending = session.pending_write();
    sent += as_text(pending);
    session.commit_write(pending.size());
  };
  take();
  while (!said.empty() && !session.failure()) {
    const auto space = session.prepare_read();
    const std::size_t count = std::min({space.size(), said.size(), piece});
    std::memcpy(space.data(), said.data(), count);
    said.remove_prefix(count);
    session.commit_read(count);
    while (login.asked && !session.failure()) {
      login.asked = false;
      login.stepped(login.step);
      session.read_on();
    }
    take();
  }

  require(options.clear_text_allowed || sent.find(password) == std::string::npos);
  require(options.token_allowed || sent.find(token) == std::string::npos);
  const bool is_in = !session.failure() && session.phase() == Phase::running;
  if (!is_in) return 0;
  require(session.next_done() == &login && !login.failure());
  require(login.questioned() || options.methods.allows(AuthMethod::none));
  require(options.channel_binding != BindingPolicy::require);  // nobody here knows the password
  if (!options.methods.allows(AuthMethod::oauth)) require(sent.find(token) == std::string::npos);
  if (!options.methods.allows(AuthMethod::password)) require(sent.find(password) == std::string::npos);
  return 0;
}
