// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/driver/channel.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "pgstride/driver/worded.hpp"
#include "pgstride/protocol/frontend.hpp"

namespace pgstride::inline v0 {
namespace {

// A cancel that comes before the server has begun with the request is lost without a word, and one for which
// the server had no room just then was never sent: it is sent again.
constexpr Duration repeat_cancel_after = std::chrono::milliseconds(250);

// What one turn of the loop may read or write before others get theirs (R-M6).
constexpr std::size_t turn_budget = 256 << 10;

// How many such turns may be read at once when the connection is to be given up otherwise: as much as sockets hold.
constexpr int last_turns = 32;

// What a server takes in while it is busy with something else: the receive window that it begins with.
constexpr std::size_t least_window = 64 << 10;

Tick tick_of(TimePoint at) noexcept { return at == never ? no_deadline : at.time_since_epoch().count(); }
TimePoint time_of(Tick tick) noexcept { return tick == no_deadline ? never : TimePoint(Duration(tick)); }

}  // namespace

Channel::Channel(Loop& loop, Transport transport, const Endpoint& endpoint, const ChannelOptions& options)
    : loop_(loop),
      endpoint_(endpoint),
      cancel_grace_(options.cancel_grace),
      observer_(options.observer),
      session_(options.session),
      transport_(std::move(transport)),
      watch_(loop.watch(transport_.fd(), *this)),
      timer_(loop.timer(*this)) {
  watch_->want(Ready::read);
}

Channel::~Channel() {
  if (destroyed_) *destroyed_ = true;
}

// --- requests -----------------------------------------------------------------------------------

// In a child of the process that has made it, a connection is over, and the parent's goes on: our
// descriptor is closed, and not a byte is sent.
bool Channel::disown() {
  if (is_open()) abort(worded(Errc::connection_closed, "the connection belongs to the parent process"));
  return false;
}

bool Channel::submit(Operation& operation, TimePoint deadline) {
  assert(loop_.is_here() && "a connection is used on a thread that is not its loop's");
  is_ours();
  if (!session_.submit(operation, tick_of(deadline))) return false;
  if (deadline < armed_) arm(deadline);
  return true;
}

void Channel::set_deadline(const Operation& operation, TimePoint deadline) {
  session_.set_deadline(operation, tick_of(deadline));
  if (deadline < armed_) arm(deadline);
}

void Channel::flush() {
  send();
  // Sending may have made room for a bulk operation's owner. Inside deliver() it is told anyway,
  // if only when a loop that nests in there has come back.
  if (session_.has_news() && destroyed_ == nullptr) come_back_soon();
}

// No single request can be told of an exception here, so the whole connection fails. Mostly there is no memory.
void Channel::send() noexcept {
  try {
    send_some();
  } catch (...) {
    session_.fail(caught());
    close_if_failed();
  }
}

void Channel::send_some() {
  if (!is_ours()) return;
  if (session_.in_step()) return come_back_soon();
  std::size_t written = 0;
  while (is_open()) {
    const Bytes pending = session_.pending_write();
    if (!is_open()) break;  // ended by the code that was asked for data
    if (std::exchange(fence_due_, false) && session_.runs_for_nobody()) {
      raise_fence();
      continue;
    }
    bool blocked = false;
    if (!pending.empty() || transport_.has_unsent()) {
      if (written >= turn_budget) {
        blocked = true;
      } else {
        const IoResult result = transport_.write_some(pending);
        if (result.error || result.eof) {
          // What the server said before it went (a FATAL, mostly) may still lie in the socket.
          receive();
          session_.fail(transport_.lost(result, "sending to ", address()));
          break;
        }
        session_.commit_write(result.bytes);
        written += result.bytes;
        blocked = result.would_block;
        if (!blocked) continue;
      }
    }
    // What may not be read must not be waited for: the loop would tell of it again and again.
    const Ready wanted =
        (session_.paused() ? Ready::none : Ready::read) | (blocked ? Ready::write : Ready::none);
    if (wanted != wanted_) watch_->want(wanted);
    wanted_ = wanted;
    if (session_.unanswered() > least_window || suspended_user_timeout_ != 0) adjust_user_timeout();
    return;
  }
  close_if_failed();
}

// TCP_USER_TIMEOUT also kills a living peer that does not read, such as a backend that waits for a lock in the middle
// of a COPY. It is suspended while more is unanswered than the server takes in without reading.
void Channel::adjust_user_timeout() noexcept {
  if (session_.unanswered() <= least_window) {
    transport_.socket().set_user_timeout(std::exchange(suspended_user_timeout_, 0));
  } else if (suspended_user_timeout_ == 0) {
    suspended_user_timeout_ = transport_.socket().user_timeout();
    if (suspended_user_timeout_ != 0) transport_.socket().set_user_timeout(0);
  }
}

Session::Abandoned Channel::cancel(Operation& operation) {
  const Session::Abandoned abandoned = session_.abandon(operation);
  after(abandoned);
  read_what_was_left();
  return abandoned;
}

void Channel::read_on() {
  session_.read_on();
  if (session_.in_step()) return come_back_soon();
  if (transport_.has_unread()) come_back_soon();
  check_fence();
  flush();
}

// The operation that was full may have gone, and the socket may have no more to tell.
void Channel::read_what_was_left() {
  if (session_.left_unread()) read_on();
}

void Channel::dismiss(Operation& operation, Failure failure) {
  after(session_.dismiss(operation, std::move(failure)));
  come_back_soon();
}

void Channel::after(Session::Abandoned abandoned) {
  if (abandoned != Session::Abandoned::running || fenced_) return;
  if (session_.in_step()) {
    fence_due_ = true;
    come_back_soon();
  } else {
    raise_fence();
  }
}

void Channel::interrupt() {
  if (!is_open() || fenced_ || session_.quiescent() || session_.in_step()) return;
  flush();  // what was asked for is meant, too
  if (!is_open() || fenced_) return;
  session_.break_off();
  raise_fence();
  read_what_was_left();
}

void Channel::abort(Failure reason) {
  session_.fail(std::move(reason));
  close_if_failed();
}

void Channel::terminate() {
  if (!is_ours() || !is_open()) return;
  const Failure closed = worded(Errc::connection_closed, "the connection was closed");
  if (session_.in_step()) return abort(closed);
  session_.break_off_copy_in(closed);
  frontend::terminate(session_.reply_buffer());
  flush();
}

// --- without an owner ---------------------------------------------------------------------------

/// Keeps a channel until everybody who waits for it has been told, or the loop goes.
class Channel::Farewell final : public Job {
 public:
  using Place = std::shared_ptr<std::unique_ptr<Channel>>;

  explicit Farewell(Place place) noexcept : place_(std::move(place)) {}
  void done() noexcept override {
    if (!(*place_)->is_over()) outlive_owner(std::move(*place_));
  }

 private:
  Place place_;
};

void Channel::outlive_owner(std::unique_ptr<Channel> channel) noexcept {
  try {
    // Put there when the loop has taken the job, and not before: one that it cannot take is destroyed.
    const auto place = std::make_shared<Farewell::Place::element_type>();
    channel->loop_.post(std::make_unique<Farewell>(place));
    *place = std::move(channel);
  } catch (...) {  // no memory: it keeps itself
    Channel& itself = *channel;
    itself.self_ = std::move(channel);
  }
}

// --- the cancel fence ---------------------------------------------------------------------------

void Channel::raise_fence() {
  fence_due_ = false;
  fence_ = session_.hold();
  flush();  // the rest of the victim, if any: half a message must not stay
  if (!is_open()) return;
  fenced_ = true;
  grace_ends_ = deadline_after(loop_.now(), cancel_grace_);
  if (grace_ends_ < armed_) arm(grace_ends_);
  ask_to_cancel();
}

// Without memory for it: what should be cancelled may still end by itself, in the time that it is given.
void Channel::ask_to_cancel() noexcept {
  cancel_due_ = never;
  if (!cancel_key_.known()) return;
  CancelHandler& handler = *this;
  try {
    cancel_ = std::make_unique<CancelRequest>(loop_, endpoint_, cancel_key_, handler);
  } catch (...) {
  }
}

void Channel::on_cancel_over(CancelOutcome outcome) noexcept {
  cancel_.reset();
  if (outcome == CancelOutcome::uncertain) tainted_ = true;
  check_fence();
  if (fenced_ && outcome != CancelOutcome::uncertain) {
    cancel_due_ = loop_.now() + repeat_cancel_after;
    arm(cancel_due_);
  }
  send();
  deliver();
}

void Channel::end_grace() {
  // The end may have come while the loop was busy elsewhere, or lie behind a flood of notices.
  for (int turn = 0; session_.completed() < fence_ && turn < last_turns && receive();) ++turn;
  if (session_.completed() < fence_) {
    session_.fail(worded(Errc::connection_lost, "a cancelled request did not end within the grace period"));
    return close_if_failed();
  }
  cancel_.reset();  // the request has ended by itself, the message to end it is still on its way
  tainted_ = true;
  check_fence();
  flush();
}

void Channel::check_fence() {
  if (!fenced_ || cancel_ || session_.completed() < fence_) return;
  fenced_ = false;
  grace_ends_ = cancel_due_ = never;
  session_.release();
}

// --- the wire -----------------------------------------------------------------------------------

void Channel::on_fd(Ready ready) noexcept {
  if (!is_ours()) return;
  if (has(ready, Ready::read)) receive();
  check_fence();
  send();
  deliver();
}

bool Channel::receive() noexcept {
  try {
    return receive_some();
  } catch (...) {
    session_.fail(caught());
    return false;
  }
}

bool Channel::receive_some() {
  if (!is_open()) return false;
  for (std::size_t received = 0; !session_.paused() && received < turn_budget;) {
    const auto space = session_.prepare_read();
    if (space.empty()) return false;
    const IoResult result = transport_.read_some(space);
    if (result.would_block && !transport_.has_unread()) return static_cast<void>(watch_->drained()), false;
    if (result.would_block) break;
    if (result.bytes == 0) {
      session_.fail(transport_.lost(result, "receiving from ", address()));
      return false;
    }
    session_.commit_read(result.bytes);
    if (!is_open()) return false;
    // That was all, but for a reset that may have been told of just now, and not every loop tells of that twice
    // (uvloop): while a reply is due, it is looked for.
    const bool is_short = result.bytes < space.size() && !transport_.has_unread();
    if (is_short && (watch_->drained() || !session_.awaits_reply())) return false;
    received += result.bytes;
  }
  if (transport_.has_unread() && !session_.paused()) come_back_soon();
  watch_->want(Ready::none);  // likewise: we have not come to the end
  wanted_ = Ready::none;      // send() wants again
  return !session_.paused();
}

void Channel::close_if_failed() noexcept {
  if (is_open() || !transport_.is_open()) return;
  watch_.reset();
  wanted_ = Ready::both;
  cancel_.reset();
  transport_.close();
  fenced_ = false;
  grace_ends_ = cancel_due_ = never;
  come_back_soon();
  if (events_) events_->on_ended();
}

// --- time ---------------------------------------------------------------------------------------

// One timer for all deadlines, and it is never disarmed: most requests beat their deadline, and a
// timer that fires for nothing every few seconds is cheaper than two calls per request.
void Channel::arm(TimePoint at) {
  if (at >= armed_) return;
  armed_ = at;
  timer_->arm(at);
}

void Channel::on_timer() noexcept {
  armed_ = never;
  comes_back_soon_ = false;
  if (is_open() && transport_.has_unread()) receive();
  const TimePoint now = loop_.now();
  while (const auto abandoned = session_.expire(tick_of(now))) after(*abandoned);
  if (fenced_ && now >= grace_ends_) end_grace();
  check_fence();
  if (now >= cancel_due_) ask_to_cancel();
  arm(std::min({time_of(session_.next_deadline()), grace_ends_, cancel_due_}));
  read_what_was_left();
  send();
  deliver();
}

void Channel::deliver() {
  close_if_failed();
  bool destroyed = false;
  bool* const outer = std::exchange(destroyed_, &destroyed);  // whoever is told may let the loop go on
  while (session_.has_news()) {
    if (Operation* awake = session_.next_awake()) {
      awake->stir();
    } else {
      session_.next_done()->notify();
    }
    if (destroyed) {
      if (outer) *outer = true;
      return;
    }
  }
  destroyed_ = outer;
  if (is_open() || closed_told_) return;
  closed_told_ = true;
  const std::unique_ptr<Channel> last = std::move(self_);
  if (events_) events_->on_closed();
}

}  // namespace pgstride::inline v0
