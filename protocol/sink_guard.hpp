// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Between an operation's grammar and a sink, which is the user's code: an exception of the sink becomes the
// operation's failure and never unwinds the parser, and no sink keeps more than the session's limits allow.
#pragma once

#include <exception>

#include "pgstride/protocol/operation.hpp"
#include "pgstride/protocol/row.hpp"

namespace pgstride::inline v0 {

/// The sink of one operation. It may be absent; once it has refused a row or thrown, it is left
/// alone until the operation begins anew.
class SinkGuard {
 public:
  SinkGuard(Operation& operation, ResultSink* sink) noexcept : operation_(operation), sink_(sink) {}

  void begin() noexcept;
  /// For another result of the same operation, within what the limits have left.
  void go_on(ResultSink* sink) noexcept;

  void on_columns(const Columns& columns) noexcept {
    if (open_) guard([&] { return sink_->on_columns(columns), true; });
  }
  void on_row(DataRow row) noexcept {
    if (open_) guard([&] { return (!limited_ || fits(row)) && sink_->on_row(row); });
  }
  /// A row that is not of the columns that its statement was described with, which one without a name may come to: it
  /// is parsed anew with each execution. False: it is not well-formed at all.
  [[gnu::cold]] bool on_misfit(Bytes row, std::size_t described);
  void on_complete(CommandTag tag) noexcept {
    if (open_) guard([&] { return sink_->on_complete(tag), true; });
  }

 private:
  template <class Call>
  void guard(Call&& call) noexcept {
    try {
      open_ = call();
    } catch (...) {
      open_ = false;
      Failure failure{Errc::invalid_value, {}};  // no words: there may be no memory for any
      failure.thrown = std::current_exception();
      operation_.fail(std::move(failure));
    }
  }

  /// False: it would exceed the limits; the operation has failed, and its owner is woken to give it up.
  bool fits(DataRow row);

  Operation& operation_;
  ResultSink* sink_;
  ResultLimits left_;
  bool open_ = false;
  bool limited_ = false;
};

}  // namespace pgstride::inline v0
