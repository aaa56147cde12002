// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/protocol/operations/prepare.hpp"

#include "pgstride/protocol/frontend.hpp"

namespace pgstride::inline v0 {

Encoded Prepare::encode(WriteBuffer& out) {
  frontend::parse(out, statement_->name(), statement_->sql(), statement_->asked_types());
  frontend::describe_statement(out, statement_->name());
  frontend::sync(out);
  return Encoded::complete;
}

}  // namespace pgstride::inline v0
