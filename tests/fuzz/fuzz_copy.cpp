// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// FZ-6: COPY's binary format. Whatever the data are, tuples must be found in the same places however they are
// cut, lie inside of them, and make up the data again.
//
// The input is the number of columns, the size of the pieces, and the data; what begins with neither a
// signature nor a part of one gets a good header.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "pgstride/protocol/binary_copy.hpp"
#include "pgstride/protocol/row.hpp"

#include "tests/support/require.hpp"

using namespace pgstride;
using namespace pgstride::test;

namespace {

struct Found {
  std::vector<std::string> tuples;
  bool malformed = false;
  bool complete = false;

  bool operator==(const Found&) const = default;
};

Found read(std::string_view data, std::size_t columns, std::size_t piece) {
  Found found;
  BinaryCopyReader reader(columns);
  while (!data.empty() && !found.malformed) {
    const std::string chunk(data.substr(0, piece));  // of its own, so that reading outside is noticed
    data.remove_prefix(chunk.size());
    reader.feed(as_bytes(chunk));
    Bytes tuple;
    auto next = reader.next(tuple);
    for (; next == BinaryCopyReader::Next::tuple; next = reader.next(tuple)) {
      require(DataRow::well_formed(tuple, columns));
      found.tuples.emplace_back(as_text(tuple));
    }
    found.malformed = next == BinaryCopyReader::Next::malformed;
  }
  found.complete = reader.complete() && !found.malformed;
  return found;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size < 2) return 0;
  const std::size_t columns = bytes[0] % 5;
  const std::size_t piece = 1 + bytes[1] % 32;
  std::string data(reinterpret_cast<const char*>(bytes) + 2, size - 2);
  WriteBuffer header;
  write_copy_header(header);
  if (!data.starts_with("PG")) data.insert(0, as_text(header.pending()));

  const Found whole = read(data, columns, std::max<std::size_t>(data.size(), 1));
  require(read(data, columns, piece) == whole);
  require(read(data, columns, 1) == whole);
  if (!whole.complete) return 0;
  std::string tuples;
  for (const std::string& tuple : whole.tuples) tuples += tuple;
  require(data.ends_with(tuples + "\xff\xff"));
  return 0;
}
