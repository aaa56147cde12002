// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// What must be said to the server although nobody waits for the answer. Works in destructors: without memory
// for it the connection ends, and what was to be undone ends with it.
#pragma once

#include <string_view>
#include <utility>

#include "pgstride/driver/channel.hpp"

namespace pgstride::inline v0 {

/// An operation whose end nobody is told of.
template <class Grammar>
class Unattended final : public Grammar {
 public:
  template <class... Arguments>
  explicit Unattended(Arguments&&... arguments) : Grammar(std::forward<Arguments>(arguments)...) {}

 private:
  void on_done() noexcept override {}
};

/// Queued behind whatever is pending; leaves with whatever comes next. The operation is not needed any more.
void submit_unattended(Channel& channel, Operation& operation) noexcept;

/// The same for a script, and sends it at once: locks are held until it arrives. What may not be said just now, in
/// the middle of another request, ends the connection, too.
void send_unattended(Channel& channel, std::string_view sql) noexcept;

}  // namespace pgstride::inline v0
