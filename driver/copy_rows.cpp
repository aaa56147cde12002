// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/driver/copy_rows.hpp"

namespace pgstride::inline v0 {

void check_copied_rows(const CopyResponse& response, std::size_t columns) {
  if (response.format != Format::binary)
    throw Error(Errc::invalid_argument, "rows are copied in binary format; say (FORMAT binary)");
  if (response.columns != columns)
    throw Error(Errc::invalid_argument, "the COPY is of " + std::to_string(response.columns) +
                                            " columns, and " + std::to_string(columns) + " types were named");
}

void refuse_copied_value() {
  throw Error(Errc::invalid_value, "a value cannot be copied as the type that was named for it");
}

bool find_copied_row(BinaryCopyReader& reader, Bytes& tuple) {
  switch (reader.next(tuple)) {
    case BinaryCopyReader::Next::tuple: return true;
    case BinaryCopyReader::Next::more: return false;
    case BinaryCopyReader::Next::malformed: break;
  }
  throw Error(Errc::invalid_value, "the data are not of COPY's binary format");
}

void check_copied_end(const BinaryCopyReader& reader) {
  if (!reader.complete()) throw Error(Errc::invalid_value, "the data of the COPY end before their trailer");
}

}  // namespace pgstride::inline v0
