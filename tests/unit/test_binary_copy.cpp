// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "pgstride/protocol/binary_copy.hpp"
#include "pgstride/protocol/row.hpp"

#include "tests/support/backend_writer.hpp"

namespace pgstride::test {
namespace {

const std::string signature("PGCOPY\n\377\r\n\0", 11);
const std::string header = signature + int32(0) + int32(0);
const std::string trailer = int16(-1);

std::string tuple(std::initializer_list<std::optional<std::string_view>> values) {
  return data_row(values).substr(5);
}

/// "[1, one] [2, NULL] end", or what is wrong. Every piece is gone once the reader has asked for more.
std::string read(std::size_t columns, const std::vector<std::string>& pieces) {
  BinaryCopyReader reader(columns);
  std::string heard;
  for (const std::string& piece : pieces) {
    const auto data = std::make_unique<std::string>(piece);
    reader.feed(as_bytes(*data));
    Bytes found;
    auto next = reader.next(found);
    for (; next == BinaryCopyReader::Next::tuple; next = reader.next(found)) {
      BOOST_REQUIRE(DataRow::well_formed(found, columns));
      DataRow row(found);
      std::string values;
      for (int i = 0; i < row.size(); ++i) {
        const Field field = row.next();
        values.append(i == 0 ? "" : ", ").append(field.null ? "NULL" : as_text(field.bytes));
      }
      heard += "[" + values + "] ";
    }
    if (next == BinaryCopyReader::Next::malformed) {
      BOOST_TEST((reader.next(found) == BinaryCopyReader::Next::malformed));
      return heard + "malformed";
    }
  }
  return heard + (reader.complete() ? "end" : "incomplete");
}
std::string read(std::size_t columns, const std::string& data) { return read(columns, std::vector{data}); }

}  // namespace

BOOST_AUTO_TEST_SUITE(binary_copy)

BOOST_AUTO_TEST_CASE(what_is_written_is_read) {
  WriteBuffer out;
  write_copy_header(out);
  out.u16(1);
  out.i32(3);
  out.text("one");
  write_copy_trailer(out);
  BOOST_TEST(as_text(out.pending()) == header + tuple({"one"}) + trailer);
  BOOST_TEST(read(1, std::string(as_text(out.pending()))) == "[one] end");
}

BOOST_AUTO_TEST_CASE(cut_anywhere) {
  const std::string data = signature + int32(1) + int32(4) + "skip" + tuple({"1", "one"}) +
                           tuple({"2", null}) + tuple({"", std::string(100, 'x')}) + trailer;
  const std::string expected = "[1, one] [2, NULL] [, " + std::string(100, 'x') + "] end";
  BOOST_TEST(read(2, data) == expected);
  for (std::size_t cut = 0; cut <= data.size(); ++cut) {
    for (const std::size_t size : {std::size_t{1}, std::size_t{7}, data.size()})
      BOOST_TEST(read(2, {data.substr(0, cut), data.substr(cut, size),
                          data.substr(std::min(cut + size, data.size()))}) == expected);
  }
  std::vector<std::string> bytes;
  for (const char byte : data) bytes.emplace_back(1, byte);
  BOOST_TEST(read(2, bytes) == expected);
}

BOOST_AUTO_TEST_CASE(rows_without_columns_and_no_rows) {
  BOOST_TEST(read(0, header + tuple({}) + tuple({}) + trailer) == "[] [] end");
  BOOST_TEST(read(3, header + trailer) == "end");
}

BOOST_AUTO_TEST_CASE(what_is_refused) {  // HS-122
  std::string bad_signature = header;
  bad_signature[7] = '\n';  // as a transfer that changes line ends would have it
  BOOST_TEST(read(1, bad_signature + trailer) == "malformed");
  BOOST_TEST(read(1, signature + int32(1 << 16) + int32(0) + trailer) == "malformed");  // with OIDs
  BOOST_TEST(read(1, signature + int32(INT32_MIN) + int32(0) + trailer) == "malformed");
  BOOST_TEST(read(1, signature + int32(0xffff) + int32(0) + trailer) == "end");  // not critical
  BOOST_TEST(read(1, signature + int32(0) + int32(-1)) == "malformed");
  BOOST_TEST(read(1, signature + int32(0) + int32(INT32_MAX)) == "malformed");
  BOOST_TEST(read(1, header + int16(-2)) == "malformed");
  BOOST_TEST(read(1, header + int16(-1) + "x") == "malformed");  // bytes after the trailer
  BOOST_TEST(read(1, {header + int16(-1), "x"}) == "malformed");
  BOOST_TEST(read(1, header + tuple({"1", "2"})) == "malformed");
  BOOST_TEST(read(1, header + tuple({"1"}) + tuple({})) == "[1] malformed");
  BOOST_TEST(read(65535, header + int16(-1) + int16(0)) == "malformed");
  BOOST_TEST(read(1, header + int16(1) + int32(-2)) == "malformed");
}

BOOST_AUTO_TEST_CASE(what_ends_too_early) {
  const std::string data = header + tuple({"one"}) + trailer;
  for (std::size_t size = 0; size < data.size(); ++size) {
    const auto heard = read(1, data.substr(0, size));
    BOOST_TEST(heard.ends_with("incomplete"));
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pgstride::test
