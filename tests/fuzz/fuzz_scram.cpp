// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Input: server-first, line feed, server-final, line feed, password. In the first two, @N stands for
// the client's nonce and @V for the signature that an honest server would send: without them no
// input would get past the first comparison.
// Proves FZ-4.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "pgstride/protocol/scram.hpp"

#include "tests/support/require.hpp"
#include "tests/support/scram_server.hpp"

using namespace pgstride;
using namespace pgstride::test;

namespace {

constexpr std::string_view nonce = "client-nonce";

std::string_view take_line(std::string_view& text) {
  const auto end = text.find('\n');
  const auto line = text.substr(0, end);
  text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
  return line;
}

std::string replaced(std::string_view text, std::string_view mark, std::string_view by) {
  std::string out(text);
  for (auto at = out.find(mark); at != std::string::npos; at = out.find(mark, at + by.size()))
    out.replace(at, mark.size(), by);
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string server_first = replaced(take_line(text), "@N", nonce);
  const std::string_view server_final_template = take_line(text);
  const ScramLimits limits{2, 64};

  const auto binding = text.size() % 2 == 0 ? ChannelBinding::not_offered()
                                            : ChannelBinding::bound("tls-server-end-point", as_bytes("hash"));
  ScramSha256 client(Secret(text), binding, std::string(nonce), limits);
  const std::string client_first = client.client_first();
  if (client.challenge(server_first) != ScramError::none) {
    require(!client.client_final({}).has_value() && !client.verified());
    return 0;
  }
  const Derivation derivation = client.derivation();
  require(!derivation.salt.empty() && derivation.salt.size() <= server_first.size());
  require(derivation.iterations >= limits.min_iterations && derivation.iterations <= limits.max_iterations);
  require(derivation.password.reveal().size() <= 18 * text.size());

  const auto keys = derivation.run();
  require(keys.has_value());
  const auto client_final = client.client_final(*keys);
  require(client_final.has_value());

  // The oracle: the server's half, from the prepared password on.
  const std::string without_proof = client_final->substr(0, client_final->rfind(",p="));
  const test::ScramServer server(derivation.password.reveal(), derivation.salt,
                                 static_cast<int>(derivation.iterations));
  const std::string signature =
      test::base64(test::hmac_sha256(server.server_key(), client_first.substr(client_first.find(",,") + 2) +
                                                              "," + server_first + "," + without_proof));
  const std::string server_final = replaced(server_final_template, "@V", signature);
  const ScramError error = client.verify(server_final);
  require(!describe(error).empty());
  require(client.verified() == (error == ScramError::none));
  if (client.verified())
    require(server_final == "v=" + signature || server_final.starts_with("v=" + signature + ","));
  require(client.server_error().empty() || error == ScramError::server_error);
  return 0;
}
