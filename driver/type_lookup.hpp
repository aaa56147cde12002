// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// What the catalogs say of types by their names. Private: users call load_types(), and a connection that
// finds a server of another version asks by itself.
#pragma once

#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "pgstride/driver/channel.hpp"
#include "pgstride/driver/coro/task.hpp"

namespace pgstride::inline v0 {

/// Name as it was asked for; number and array's number, null for what does not exist; the types of a
/// composite's attributes; the labels of an enum.
using FoundType = std::tuple<std::string, std::optional<Oid>, std::optional<Oid>, std::vector<Oid>,
                             std::vector<std::string>>;

Task<std::vector<FoundType>> look_up_types(Channel& channel, std::vector<std::string> names);

/// Remembers them for the connection, and for those that share its TypeNames.
void remember_types(Channel& channel, const std::vector<FoundType>& found);

/// What is known by name was learned from a server of another version: a dump that was restored, so all
/// numbers may have changed. Asks for them anew. The failure, if that fails.
Task<Failure> renew_types(Channel& channel);

}  // namespace pgstride::inline v0
