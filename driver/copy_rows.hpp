// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// COPY as streams of typed rows, in binary format. Values are sent and read in their Codec's binary form; that
// this matches the types of the table's columns is up to the caller, as a COPY does not tell them. (The server
// refuses values of the wrong length.)
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include "pgstride/driver/channel_ref.hpp"
#include "pgstride/driver/copy.hpp"
#include "pgstride/driver/coro/generator.hpp"
#include "pgstride/driver/coro/task.hpp"
#include "pgstride/driver/exception.hpp"
#include "pgstride/driver/row_map.hpp"
#include "pgstride/protocol/binary_copy.hpp"
#include "pgstride/protocol/codec/codec.hpp"

namespace pgstride::inline v0 {

/// Throws unless the COPY is in binary format and of that many columns.
void check_copied_rows(const CopyResponse& response, std::size_t columns);
template <class... Values>
inline constexpr ReadType copied_types[]{read_type<Values>...};

/// Throws because the value for this column, counted from 0, could not be written to `out`.
[[noreturn]] void refuse_value_to_copy(std::size_t column, std::string_view type, const WriteBuffer& out);
/// Throws because the value of this column does not fit.
[[noreturn]] void refuse_copied_value(std::size_t column, const ReadType& type, const Field& value,
                                      std::string_view sql);
/// The next row in what the reader has. Throws when the data are malformed.
bool find_copied_row(BinaryCopyReader& reader, Bytes& tuple);
/// Throws when the data ended too early.
void check_copied_end(const BinaryCopyReader& reader);

/// Rows on their way into the server.
template <Encodable... Values>
class [[nodiscard]] CopyRowsIn {
 public:
  explicit CopyRowsIn(CopyInStream stream) : stream_(std::move(stream)) {
    check_copied_rows(stream_.response(), sizeof...(Values));
    write_copy_header(stream_.batch());
  }

  /// co_await: see CopyInStream::write(). Values are written before this returns. Throws Error when one is
  /// none of its type, and what its codec throws; then the row is not sent.
  CopyInStream::Write write(const Values&... values) {
    WriteBuffer& out = stream_.batch();
    const std::uint64_t begin = out.position();
    out.u16(sizeof...(Values));
    std::size_t column = 0;
    const auto put = [&](const auto& value) {
      encode_binary_value(value, binary_oid<std::remove_cvref_t<decltype(value)>>(out), out);
      if (out.failed()) refuse_value_to_copy(column, copied_types<Values...>[column].name, out);
      ++column;
    };
    try {
      (put(values), ...);
    } catch (...) {  // a user's codec may throw, too
      out.truncate(begin);
      out.take_failure();
      throw;
    }
    return stream_.settle();
  }
  CopyInStream::Write write(const std::tuple<Values...>& row) {
    return std::apply([this](const Values&... values) { return write(values...); }, row);
  }

  /// co_await → Completion: that was all.
  CopyInStream::Finish finish() {
    write_copy_trailer(stream_.batch());
    return stream_.finish();
  }

 private:
  CopyInStream stream_;
};

// These begin when they are awaited, which may be when the connection has gone.
template <Encodable... Values>
Task<CopyRowsIn<Values...>> write_copied_rows(ChannelRef channel, std::string sql, Duration limit) {
  StartCopy<CopyInStream> start(channel.demand(), sql);
  start.timeout(limit);
  co_return CopyRowsIn<Values...>(co_await start);
}

template <Decodable... Values>
AsyncGenerator<std::tuple<Values...>> read_copied_rows(ChannelRef channel, std::string sql, Duration limit) {
  StartCopy<CopyOutStream> start(channel.demand(), sql);
  start.timeout(limit);
  CopyOutStream stream = co_await start;
  check_copied_rows(stream.response(), sizeof...(Values));
  BinaryCopyReader reader(sizeof...(Values));
  while (const Bytes* chunk = co_await stream.next()) {
    reader.feed(*chunk);
    for (Bytes tuple; find_copied_row(reader, tuple);) {
      DataRow fields(tuple);
      std::tuple<Values...> row;
      std::size_t column = 0;
      const auto take = [&](auto& value) {
        using Value = std::remove_cvref_t<decltype(value)>;
        const Field field = fields.next();
        if (!decode_value(Codec<Value>::oid, field, value))
          refuse_copied_value(column, copied_types<Values...>[column], field, sql);
        ++column;
      };
      std::apply([&](Values&... values) { (take(values), ...); }, row);
      co_yield row;
    }
  }
  check_copied_end(reader);
}

}  // namespace pgstride::inline v0
