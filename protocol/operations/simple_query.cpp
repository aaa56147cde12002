// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/protocol/operations/simple_query.hpp"

#include "pgstride/protocol/backend.hpp"
#include "pgstride/protocol/frontend.hpp"

namespace pgstride::inline v0 {

Encoded SimpleQuery::encode(WriteBuffer& out) {
  sink_.begin();
  in_result_ = ended_ = false;
  frontend::query(out, sql_);
  return Encoded::complete;
}

bool SimpleQuery::on_row(const Frame& frame) {
  if (!in_result_ || !DataRow::well_formed(frame.body, columns_)) return false;
  sink_.on_row(DataRow(frame.body));
  return true;
}

bool SimpleQuery::on_frame(const Frame& frame) {
  switch (frame.type) {
    case 'D': return on_row(frame);
    case 'T': {
      const auto columns = parse_row_description(frame.body);
      if (in_result_ || !columns) return false;
      in_result_ = true;
      columns_ = columns->size();
      sink_.on_columns(*columns);
      return true;
    }
    case 'C': {
      const auto tag = parse_command_complete(frame.body);
      if (!tag) return false;
      in_result_ = false;
      ended_ = true;
      sink_.on_complete(*tag);
      return true;
    }
    case 'I':
      if (in_result_) return false;
      ended_ = true;
      sink_.on_complete({});
      return true;
    case 'Z': return ended_ && !in_result_;
    default: return false;
  }
}

}  // namespace pgstride::inline v0
