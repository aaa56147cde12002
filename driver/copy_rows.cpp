// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/driver/copy_rows.hpp"

#include "pgstride/driver/arguments.hpp"
#include "pgstride/driver/row_view.hpp"

namespace pgstride::inline v0 {
namespace {

std::string copied_column(std::size_t column) {
  return "column " + std::to_string(column + 1) + " of the COPY";
}

}  // namespace

void check_copied_rows(const CopyResponse& response, std::size_t columns) {
  if (response.format != Format::binary)
    throw Error(Errc::invalid_argument, "rows are copied in binary format; say (FORMAT binary)");
  if (response.columns != columns)
    throw Error(Errc::invalid_argument, "the COPY is of " + std::to_string(response.columns) +
                                            " columns, and " + std::to_string(columns) + " types were named");
}

void refuse_value_to_copy(std::size_t column, std::string_view type, const WriteBuffer& out) {
  raise(unsendable(copied_column(column) + ": this " + std::string(type), "", out));
}

void refuse_copied_value(std::size_t column, const ReadType& type, const Field& value, std::string_view sql) {
  raise({Errc::invalid_value, unfit_text(copied_column(column), value, type, "name std::optional")}, sql);
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
