// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// FZ-10. Input: one byte, of which bit 0 tells whether the handshake has taken place, then steps of one byte
// that says what, one byte that says how many, and so many bytes. A step is a record of the server
// with these bytes in it, these bytes as they are, a record in which one byte was changed, or a
// good-bye. What the client reads must be what the server said, up to the first broken byte.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "pgstride/driver/net/openssl.hpp"

#include "tests/support/require.hpp"
#include "tests/support/tls_server.hpp"

using namespace pgstride;
using namespace pgstride::test;

namespace {

std::string drain(TlsEngine& engine) {
  std::string bytes(as_text(engine.output().pending()));
  engine.output().consume(bytes.size());
  return bytes;
}

std::string feed(TlsEngine& engine, const std::string& bytes) {
  if (bytes.empty() || engine.state() == TlsState::closed || engine.state() == TlsState::failed) return {};
  engine.feed(as_bytes(bytes));
  engine.handshake();
  std::string plaintext;
  std::string room(13, '\0');
  while (const std::size_t count = engine.read(std::as_writable_bytes(std::span(room)))) {
    require(count <= room.size());
    plaintext.append(room, 0, count);
  }
  return plaintext;
}

std::shared_ptr<const TlsContext> make_context() {
  TlsOptions options;
  options.mode = SslMode::require;
  options.root_certificate = "/nonexistent";
  options.certificate_mode = SslCertMode::disable;
  OptionError error;
  auto context = make_tls_context(options, error);
  require(context != nullptr);
  return context;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const SelfSigned identity("db.test");
  static const std::shared_ptr<const TlsContext> context = make_context();
  std::string_view text(reinterpret_cast<const char*>(data), size);
  if (text.empty()) return 0;
  const bool is_open = (text.front() & 1) != 0;
  text.remove_prefix(1);

  Failure failure;
  TlsServer server(identity);
  const auto engine = context->connect("db.test", failure);
  require(engine != nullptr);
  engine->handshake();
  for (int flight = 0; is_open && flight < 4; ++flight) feed(*engine, server.hears(drain(*engine)));
  require(engine->state() == (is_open ? TlsState::open : TlsState::handshaking));

  std::string said, heard;
  std::size_t received = 0;
  bool is_honest = true;
  while (text.size() >= 2) {
    const int what = text[0] & 3;
    const auto count = std::min<std::size_t>(static_cast<unsigned char>(text[1]), text.size() - 2);
    const std::string bytes(text.substr(2, count));
    text.remove_prefix(2 + count);
    if (bytes.empty() && what != 3) continue;
    const bool is_record = is_open && what != 1;
    std::string sent = is_record && what != 3 ? server.says(bytes)
                       : what == 3 && is_open ? server.says_goodbye()
                                              : bytes;
    if (is_record && what == 2) sent[static_cast<unsigned char>(bytes[0]) % sent.size()] ^= 1;
    is_honest = is_honest && is_record && what == 0;
    if (is_honest) said += bytes;
    if (what == 3) server.hears({});
    heard += feed(*engine, sent);
    received += sent.size();
    require(heard.size() <= received);
    if (what == 3) break;
  }
  require(heard.substr(0, said.size()) == said || said.substr(0, heard.size()) == heard);
  const TlsState state = engine->state();
  require(engine->write(as_bytes("x")) == (state == TlsState::open));
  engine->close();
  drain(*engine);
  return 0;
}
