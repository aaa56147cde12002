// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/driver/net/transport.hpp"

#include <algorithm>
#include <cerrno>

namespace pgstride::inline v0 {
namespace {

constexpr std::size_t receive_size = 32 << 10;  // two records of the largest size
constexpr int most_fruitless = 8;
constexpr std::size_t encrypt_size = 64 << 10;  // what was encrypted cannot be taken back

IoResult of_bytes(std::size_t bytes) noexcept {
  IoResult result;
  result.bytes = bytes;
  return result;
}

IoResult blocked() noexcept {
  IoResult result;
  result.would_block = true;
  return result;
}

IoResult ended(const TlsEngine& tls) noexcept {
  IoResult result;
  if (tls.state() == TlsState::closed) {
    result.eof = true;
  } else {
    result.error = EPROTO;  // lost() has the words for it
  }
  return result;
}

}  // namespace

void Transport::encrypt(std::unique_ptr<TlsEngine> engine) {
  tls_ = std::move(engine);
  ciphertext_ = std::make_unique<std::byte[]>(receive_size);
}

IoResult Transport::shake_hands() {
  while (true) {
    tls_->handshake();
    const IoResult sent = send();
    if (tls_->state() == TlsState::failed) return ended(*tls_);  // its alert has left, if it could
    if (sent.would_block || sent.error) return sent;
    if (tls_->state() == TlsState::open) return {};
    const IoResult received = receive();
    if (received.bytes == 0) return received;
  }
}

// What was received is decrypted before the socket is looked at: no event will come for what lies in
// here. A peer that sends records with nothing in them gets no more than its turn.
IoResult Transport::read_some(std::span<std::byte> into) {
  if (!tls_) return socket_.read_some(into);
  for (int fruitless = 0;; ++fruitless) {
    std::size_t count = 0;
    while (const std::size_t decrypted = tls_->read(into.subspan(count))) count += decrypted;
    const bool is_over = tls_->state() != TlsState::open;
    if (is_over && count == 0) return ended(*tls_);
    has_unread_ = is_over || count == into.size() || fruitless == most_fruitless;
    if (count == 0 && has_unread_) return blocked();
    if (count > 0) {
      has_unread_ |= filled_;
      return of_bytes(count);
    }
    const IoResult result = receive();
    if (result.bytes == 0) return result;
  }
}

IoResult Transport::write_some(Bytes from) {
  if (!tls_) return socket_.write_some(from);
  IoResult sent = send();
  if (sent.would_block || sent.error || from.empty()) return sent;
  const Bytes piece = from.first(std::min(from.size(), encrypt_size));
  if (!tls_->write(piece)) return ended(*tls_);
  sent = send();
  if (!sent.error) sent.bytes = piece.size();
  return sent;
}

IoResult Transport::receive() {
  const std::span<std::byte> into(ciphertext_.get(), receive_size);
  const IoResult result = socket_.read_some(into);
  filled_ = result.bytes == receive_size;
  if (result.bytes > 0) tls_->feed(into.first(result.bytes));
  return result;
}

// As much as the socket takes. Tells of an error or of having been blocked, not of bytes.
IoResult Transport::send() {
  WriteBuffer& output = tls_->output();
  while (!output.pending().empty()) {
    const IoResult result = socket_.write_some(output.pending());
    if (result.bytes == 0) return result;
    output.consume(result.bytes);
  }
  return {};
}

Failure Transport::lost(const IoResult& result, const char* doing, const Address& peer) const {
  if (result.eof) return {Errc::connection_lost, "the server closed the connection"};
  if (tls_ && tls_->state() == TlsState::failed)
    return {Errc::connection_lost, doing + peer.text() + ": TLS: " + tls_->failure().detail};
  Failure failure{Errc::connection_lost, doing + peer.text()};
  failure.system = {result.error, std::system_category()};
  return failure;
}

void Transport::close() noexcept {
  if (tls_ && socket_.is_open() && !has_unsent() && born_.is_here()) {
    tls_->close();
    send();
  }
  socket_.close();
}

}  // namespace pgstride::inline v0
