// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// COPY as streams of bytes. Typed rows on top of them are in copy_rows.hpp.
//
//     CopyInStream in = co_await conn.copy_in("copy t from stdin");
//     co_await in.write("1\tone\n");
//     Completion done = co_await in.finish();
//
//     CopyOutStream out = co_await conn.copy_out("copy t to stdout");
//     while (const Bytes* chunk = co_await out.next()) …
//
// A stream that is destroyed before its end makes its COPY fail; the connection, which outlives it,
// stays usable. A COPY into the server keeps all later requests waiting until it has ended.
#pragma once

#include <coroutine>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>

#include "pgstride/driver/coro/awaiting.hpp"
#include "pgstride/driver/request.hpp"
#include "pgstride/driver/result.hpp"
#include "pgstride/protocol/backend.hpp"

namespace pgstride::inline v0 {

/// Data on their way into the server, in pieces of any size: rows need not be written whole.
class [[nodiscard]] CopyInStream {
 public:
  class Request;
  class Write;
  class Finish;

  explicit CopyInStream(std::unique_ptr<Request> request) noexcept;
  CopyInStream(CopyInStream&&) noexcept;
  CopyInStream& operator=(CopyInStream&&) noexcept;
  ~CopyInStream();

  /// co_await: takes the data, which live until then, and waits until there is room for more. Throws when
  /// the COPY has failed, which the server reports as soon as it finds the mistake, and when nobody has waited until
  /// there was room.
  Write write(Bytes data);
  Write write(std::string_view data);
  /// co_await → Completion: that was all.
  Finish finish();

  /// What the server expects: text or binary, and of how many columns.
  const CopyResponse& response() const;

  /// For data that are made in place: write to the batch, then await settle(). Nothing may be written
  /// before that has been awaited.
  WriteBuffer& batch();
  Write settle();

 private:
  Request& request() const;

  std::unique_ptr<Request> request_;
};

/// The awaitable of write().
class [[nodiscard]] CopyInStream::Write {
 public:
  Write(Request& request, bool has_room) : request_(request), has_room_(has_room) {
    if (!has_room) [[unlikely]]
      lend();
  }
  Write(const Write&) = delete;
  Write& operator=(const Write&) = delete;
  /// Nobody waits any more, and the data may be gone: the COPY fails, unless they were all taken.
  ~Write() {
    if (!has_room_) [[unlikely]]
      leave();
  }

  bool await_ready() const noexcept { return has_room_ || has_room_by_now(); }
  void await_suspend(std::coroutine_handle<> waiting);
  void await_resume();

 private:
  void lend();
  void leave() noexcept;
  bool has_room_by_now() const noexcept;

  Request& request_;
  bool has_room_;
  Awaiting awaiting_;
  Awaiting lending_;  // data, awaited or not; knows whether the stream has gone first
};

class [[nodiscard]] CopyInStream::Finish {
 public:
  explicit Finish(Request& request) noexcept : request_(request) {}
  Finish(const Finish&) = delete;
  Finish& operator=(const Finish&) = delete;

  bool await_ready() const noexcept;
  void await_suspend(std::coroutine_handle<> waiting);
  Completion await_resume();

 private:
  Request& request_;
  Awaiting awaiting_;
};

/// Data on their way out of the server.
class [[nodiscard]] CopyOutStream {
 public:
  class Request;
  class Next;

  explicit CopyOutStream(std::unique_ptr<Request> request) noexcept;
  CopyOutStream(CopyOutStream&&) noexcept;
  CopyOutStream& operator=(CopyOutStream&&) noexcept;
  ~CopyOutStream();

  /// co_await → const Bytes*: the next data, in pieces of any size, valid until next() is called again; null
  /// after the last. Throws when the COPY has failed. Between calls no more than some hundred kilobytes are
  /// received.
  Next next() &;
  void next() && = delete;  // the data would go with the stream

  /// What the server sends: text or binary, and of how many columns.
  const CopyResponse& response() const;
  /// After the last data.
  const Completion& completion() const;

 private:
  Request& request() const;

  std::unique_ptr<Request> request_;
};

class [[nodiscard]] CopyOutStream::Next {
 public:
  explicit Next(Request& request) noexcept : request_(request) {}
  Next(const Next&) = delete;
  Next& operator=(const Next&) = delete;

  bool await_ready() const noexcept;
  void await_suspend(std::coroutine_handle<> waiting);
  const Bytes* await_resume();

 private:
  Request& request_;
  Awaiting awaiting_;
};

/// co_await → the stream, once the server has agreed to the COPY. Its limits hold for the whole of it, whichever side is
/// slow.
template <class Stream>
class [[nodiscard]] StartCopy : public Request<StartCopy<Stream>> {
 public:
  /// Submits the COPY. Throws Error when the text holds a NUL.
  StartCopy(Channel& channel, std::string_view sql);
  StartCopy(const StartCopy&) = delete;
  StartCopy& operator=(const StartCopy&) = delete;
  ~StartCopy();

 private:
  friend Request<StartCopy>;
  void expire_at(TimePoint at);
  void expire_after(Duration limit);
  void stop_on(std::stop_token token);
  bool pending() const noexcept;
  void wait(Awaiting& awaiting, std::coroutine_handle<> waiting);
  void take_only_once() const;
  Stream take();

  std::unique_ptr<typename Stream::Request> request_;
};

extern template class StartCopy<CopyInStream>;
extern template class StartCopy<CopyOutStream>;

}  // namespace pgstride::inline v0
