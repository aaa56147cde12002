// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// The floor: what send, wait and recv cost without a driver around them. libpq logs in and prepares,
// then its socket is used behind its back. The socket does not block and is waited for with epoll, as
// in any program that does something else meanwhile.
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

#include "pgstride/bench/client.hpp"
#include "pgstride/bench/libpq.hpp"
#include "pgstride/protocol/frontend.hpp"

namespace bench {
namespace {

using pgstride::Message;
using pgstride::WriteBuffer;

[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::system_category(), what); }

/// Walks over messages of which it looks at the type and length only.
class Frames {
 public:
  void walk(const std::byte* at, std::size_t count) {
    const std::byte* const end = at + count;
    while (at != end) {
      if (in_header_ < header_.size()) {
        header_[in_header_++] = *at++;
        if (in_header_ < header_.size()) continue;
        left_ = pgstride::load_big_endian<std::uint32_t>(&header_[1]) - 4;
        if (type() == 'D') ++rows;
        if (type() == 'E') throw std::runtime_error("the server reports an error");
      }
      const std::size_t step = std::min(left_, static_cast<std::size_t>(end - at));
      at += step;
      left_ -= step;
      if (left_ != 0) return;
      in_header_ = 0;
      if (type() == 'Z') ++replies;
    }
  }

  std::uint64_t rows = 0;
  int replies = 0;  // that have ended with ReadyForQuery

 private:
  char type() const noexcept { return static_cast<char>(header_[0]); }

  std::array<std::byte, 5> header_{};
  std::size_t in_header_ = 0;  // bytes of it that have come
  std::size_t left_ = 0;       // of the body
};

class Bare final : public Client {
 public:
  explicit Bare(const std::string& dsn)
      : connection_(dsn), socket_(PQsocket(connection_.get())), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    epoll_event event{};
    event.events = EPOLLIN;
    if (epoll_ < 0 || epoll_ctl(epoll_, EPOLL_CTL_ADD, socket_, &event) != 0) fail("epoll");
  }
  ~Bare() override { close(epoll_); }

  std::optional<Digest> run(const Work& work) override {
    if (work.kind != Kind::rows && work.kind != Kind::pipelined) return std::nullopt;
    WriteBuffer request;
    const int at_once = work.kind == Kind::pipelined ? executed_at_once : 1;
    for (int i = 0; i < at_once; ++i) write_request(connection_.prepared(work.sql), work.argument, request);
    Digest digest;
    for (int i = 0; i < work.count; ++i) {
      const pgstride::Bytes bytes = request.pending();
      if (send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(bytes.size()))
        fail("send");
      digest.rows = receive(at_once);
    }
    return digest;
  }

 private:
  /// What pgstride sends for a statement that is prepared.
  static void write_request(const std::string& name, std::optional<int> argument, WriteBuffer& out) {
    {
      Message message(out, 'B');
      out.cstr("");
      out.cstr(name);
      out.u16(argument ? 1 : 0);
      if (argument) out.u16(1);
      out.u16(argument ? 1 : 0);
      if (argument) {
        out.i32(4);
        out.i32(*argument);
      }
      out.u16(1);
      out.u16(1);
    }
    pgstride::frontend::execute(out, "", 0);
    pgstride::frontend::sync(out);
  }

  /// The number of rows in so many replies.
  std::uint64_t receive(int replies) {
    Frames frames;
    for (;;) {
      epoll_event event{};
      if (epoll_wait(epoll_, &event, 1, -1) < 0) fail("epoll_wait");
      const ssize_t count = recv(socket_, buffer_.data(), buffer_.size(), 0);
      if (count <= 0) fail("recv");
      frames.walk(buffer_.data(), static_cast<std::size_t>(count));
      if (frames.replies == replies) return frames.rows;
    }
  }

  LibpqConnection connection_;
  int socket_;
  int epoll_;
  std::array<std::byte, 1 << 16> buffer_;
};

}  // namespace

std::unique_ptr<Client> make_bare(const std::string& dsn) { return std::make_unique<Bare>(dsn); }

}  // namespace bench
