// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/driver/copy.hpp"

#include <memory>
#include <vector>

#include "pgstride/driver/copy_writer.hpp"
#include "pgstride/driver/exception.hpp"
#include "pgstride/driver/query.hpp"
#include "pgstride/driver/worded.hpp"
#include "pgstride/protocol/operations/copy_out.hpp"

namespace pgstride::inline v0 {
namespace {

constexpr std::size_t enough = 256 << 10;       // bytes that gather before the socket is left alone
constexpr std::size_t kept_of_statement = 256;  // as much as an error text can show

[[noreturn]] void refuse_moved() {
  throw Error(Errc::invalid_argument, "the stream of this COPY was moved elsewhere");
}

/// What the server has said, and how errors are told: the same in both directions. Unlike other requests it is waited
/// for many times.
template <class Grammar>
class CopyRequest : public Waitable<Grammar> {
 public:
  using Waitable<Grammar>::submit;
  using Waitable<Grammar>::expire_at;
  using Waitable<Grammar>::expire_after;
  using Waitable<Grammar>::stop_on;
  using Waitable<Grammar>::wait;
  using Waitable<Grammar>::wait_for_news;
  void check() const { Waitable<Grammar>::check(excerpt_); }

  CopyResponse response;
  Completion completion;
  bool has_started = false;

 protected:
  template <class... Arguments>
  CopyRequest(Channel& channel, std::string_view sql, Arguments&&... arguments)
      : Waitable<Grammar>(channel, std::forward<Arguments>(arguments)...),
        excerpt_(sql.substr(0, kept_of_statement)) {}
  ~CopyRequest() = default;

  void on_start(const CopyResponse& told) override {
    has_started = true;
    response = told;
  }
  void on_complete(CommandTag tag) override { completion.add(tag); }
  void on_progress() noexcept override { this->resume(); }
  std::string_view tag() const noexcept override { return completion.tag(); }

 private:
  std::string excerpt_;
};

}  // namespace

class CopyInStream::Request final : public CopyRequest<CopyWriter> {
 public:
  Request(Channel& channel, std::string_view sql)
      : CopyRequest(channel, sql, channel, sql), types_(channel.session().types()) {
    batch().set_types(types_.get());
  }

  void demand_open() const {
    check();
    if (has_ended()) throw Error(Errc::invalid_argument, "the COPY was finished before");
  }
  void demand_room() const {
    demand_open();
    if (pending() && !has_room())
      throw Error(Errc::invalid_argument, "there is no room for more: the write before has to be awaited");
  }
  void borrow_from(Awaiting& lending) {
    lent_.take();  // those before have all been used
    lending.wait(lent_, std::noop_coroutine());
  }
  void lose_data() noexcept {
    if (!pending()) return;
    fail(worded(Errc::cancelled, "a write was not awaited to its end, and its data may be gone"));
    break_off("data are gone");  // so short that it needs no memory
  }

 private:
  // What is told may be of a write that nobody awaited, and not what is waited for.
  void on_progress() noexcept override {
    if (pending() && (waits_for_room() || has_ended())) return;
    CopyRequest::on_progress();
  }

  std::shared_ptr<const TypeNames> types_;  // rows may still be written when the connection has gone
  Awaited lent_;
};

class CopyOutStream::Request final : public CopyRequest<CopyOut> {
 public:
  Request(Channel& channel, std::string_view sql) : CopyRequest(channel, sql, sql) {}

  bool has_news() const noexcept { return !gathered_.empty() || !pending(); }
  void wait_for_data(Awaiting& awaiting, std::coroutine_handle<> waiting) {
    wait_for_news(awaiting, waiting);
    wants_data_ = true;
  }
  const Bytes* take() {
    if (gathered_.empty()) return check(), nullptr;
    taken_.swap(gathered_);
    gathered_.clear();
    view_ = taken_;
    if (std::exchange(is_full_, false) && pending()) channel().read_on();
    return &view_;
  }

 private:
  void on_start(const CopyResponse& told) override {
    CopyRequest::on_start(told);
    wake();
  }
  // What it was to be stirred for may have been taken already.
  void on_progress() noexcept override {
    if (!wants_data_ || has_news()) CopyRequest::on_progress();
  }
  Appetite on_data(CopyData& data) override {
    for (Bytes message; data.next(message);) {
      gathered_.insert(gathered_.end(), message.begin(), message.end());
      if (gathered_.size() >= enough) break;
    }
    wake();
    is_full_ = gathered_.size() >= enough;
    return is_full_ ? Appetite::full : Appetite::more;
  }

  std::vector<std::byte> gathered_;
  std::vector<std::byte> taken_;
  Bytes view_;
  bool is_full_ = false;
  bool wants_data_ = false;  // whoever waits; otherwise the start
};

// --- in -----------------------------------------------------------------------------------------

CopyInStream::CopyInStream(std::unique_ptr<Request> request) noexcept : request_(std::move(request)) {}
CopyInStream::CopyInStream(CopyInStream&&) noexcept = default;
CopyInStream& CopyInStream::operator=(CopyInStream&&) noexcept = default;
CopyInStream::~CopyInStream() = default;

CopyInStream::Request& CopyInStream::request() const {
  if (!request_) refuse_moved();
  return *request_;
}

CopyInStream::Write CopyInStream::write(Bytes data) {
  request().demand_room();
  return {*request_, request_->write(data)};
}
CopyInStream::Write CopyInStream::write(std::string_view data) { return write(as_bytes(data)); }
CopyInStream::Write CopyInStream::settle() {
  request().demand_open();
  return {*request_, request_->settle()};
}

CopyInStream::Finish CopyInStream::finish() {
  request().end();
  return Finish(*request_);
}

const CopyResponse& CopyInStream::response() const { return request().response; }
WriteBuffer& CopyInStream::batch() { return request().batch(); }

void CopyInStream::Write::lend() {
  if (request_.borrows_data()) request_.borrow_from(lending_);
}

void CopyInStream::Write::leave() noexcept {
  if (awaiting_.waits() || (lending_.waits() && request_.borrows_data())) request_.lose_data();
}

// What it has to wait for may have come before it was awaited, and does not come again.
bool CopyInStream::Write::has_room_by_now() const noexcept { return !request_.waits_for_room(); }

void CopyInStream::Write::await_suspend(std::coroutine_handle<> waiting) {
  request_.wait_for_news(awaiting_, waiting);
}

void CopyInStream::Write::await_resume() { request_.check(); }

bool CopyInStream::Finish::await_ready() const noexcept { return !request_.pending(); }
void CopyInStream::Finish::await_suspend(std::coroutine_handle<> waiting) {
  request_.wait_for_news(awaiting_, waiting);
}

Completion CopyInStream::Finish::await_resume() {
  request_.check();
  return request_.completion;
}

// --- out ----------------------------------------------------------------------------------------

CopyOutStream::CopyOutStream(std::unique_ptr<Request> request) noexcept : request_(std::move(request)) {}
CopyOutStream::CopyOutStream(CopyOutStream&&) noexcept = default;
CopyOutStream& CopyOutStream::operator=(CopyOutStream&&) noexcept = default;
CopyOutStream::~CopyOutStream() = default;

CopyOutStream::Request& CopyOutStream::request() const {
  if (!request_) refuse_moved();
  return *request_;
}

CopyOutStream::Next CopyOutStream::next() & { return Next(request()); }
const CopyResponse& CopyOutStream::response() const { return request().response; }
const Completion& CopyOutStream::completion() const { return request().completion; }

bool CopyOutStream::Next::await_ready() const noexcept { return request_.has_news(); }
void CopyOutStream::Next::await_suspend(std::coroutine_handle<> waiting) {
  request_.wait_for_data(awaiting_, waiting);
}
const Bytes* CopyOutStream::Next::await_resume() { return request_.take(); }

// --- the start ----------------------------------------------------------------------------------

template <class Stream>
StartCopy<Stream>::StartCopy(Channel& channel, std::string_view sql)
    : request_(std::make_unique<typename Stream::Request>(channel, checked(sql))) {
  request_->submit(sql);
}

template <class Stream>
StartCopy<Stream>::~StartCopy() = default;

template <class Stream>
void StartCopy<Stream>::expire_at(TimePoint at) {
  if (request_) request_->expire_at(at);
}

template <class Stream>
void StartCopy<Stream>::expire_after(Duration limit) {
  if (request_) request_->expire_after(limit);
}

template <class Stream>
void StartCopy<Stream>::stop_on(std::stop_token token) {
  if (request_) request_->stop_on(std::move(token));
}

template <class Stream>
bool StartCopy<Stream>::pending() const noexcept {
  return request_ && !request_->has_started && request_->pending();
}

template <class Stream>
void StartCopy<Stream>::wait(Awaiting& awaiting, std::coroutine_handle<> waiting) {
  request_->wait(awaiting, waiting);
}

template <class Stream>
void StartCopy<Stream>::take_only_once() const {
  if (!request_) refuse_to_await_again();
}

template <class Stream>
Stream StartCopy<Stream>::take() {
  request_->check();
  return Stream(std::move(request_));
}

template class StartCopy<CopyInStream>;
template class StartCopy<CopyOutStream>;

}  // namespace pgstride::inline v0
