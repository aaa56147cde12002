// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// What a client has said, in words that tests can expect:
//
//     Parse(s1, select $1) Describe(s1) Bind(s1: 7) Execute Sync
//
// Every byte is read: a message that is not exactly what the protocol asks for becomes "Malformed".
#pragma once

#include <string>

#include "pgstride/protocol/bytes.hpp"

namespace pgstride::test {

/// The bytes at the front that are whole messages.
std::size_t whole_messages(Bytes said);

/// All of it. What follows the last whole message is told as "+12 bytes".
std::string in_words(Bytes said);

/// The same, when it begins with the packet that opens a connection, which has no type byte:
/// "Startup(3.0: user=me, database=shop)" or "Cancel(7, abcd)".
std::string first_packet_in_words(Bytes said);

}  // namespace pgstride::test
