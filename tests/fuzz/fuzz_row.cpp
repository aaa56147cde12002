// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Every parser of message bodies under any bytes: what a parser accepts it has read to the end, and
// what it hands out lies inside the message.
// Proves FZ-2.
#include <cstdint>

#include "pgstride/protocol/backend.hpp"
#include "pgstride/protocol/error.hpp"

#include "tests/support/require.hpp"

using namespace pgstride;
using namespace pgstride::test;

namespace {

void row(Bytes body, std::size_t columns) {
  if (!DataRow::well_formed(body, columns)) return;
  DataRow row(body);
  require(row.size() == static_cast<int>(columns));
  std::size_t bytes = 2;
  for (int i = 0; i < row.size(); ++i) {
    const Field field = row.next();
    require(!field.null || field.bytes.empty());
    if (!field.bytes.empty()) {
      require(field.bytes.data() >= body.data());
      require(field.bytes.data() + field.bytes.size() <= body.data() + body.size());
    }
    bytes += 4 + field.bytes.size();
  }
  require(bytes == body.size());
  require(row.rest().empty());
}

void messages(Bytes body) {
  if (const auto columns = parse_row_description(body)) {
    std::size_t bytes = 2;
    for (const Column& column : *columns) bytes += column.name.size() + 19;
    require(bytes == body.size());
  }
  if (const auto types = parse_parameter_description(body)) require(2 + 4 * types->size() == body.size());
  if (const auto tag = parse_command_complete(body)) {
    require(tag->text().size() + 1 == body.size());
    require(tag->command().size() <= tag->text().size());
    require(tag->rows() >= -1);
  }
  if (const auto status = parse_parameter_status(body))
    require(status->name.size() + status->value.size() + 2 == body.size());
  if (const auto heard = parse_notification(body))
    require(heard->channel.size() + heard->payload.size() + 6 == body.size());
  if (const auto key = parse_backend_key_data(body)) require(key->key.size() + 4 == body.size());
  if (const auto request = parse_authentication(body)) require(request->data.size() + 4 == body.size());
  if (parse_ready_for_query(body)) require(body.size() == 1);
  if (const std::shared_ptr<const ServerError> error = ServerError::parse(body)) {
    require(error->fields().size() == body.size());
    for (int letter = 1; letter < 256; ++letter)
      require(error->field(static_cast<char>(letter)).size() < body.size());
    require(!describe(Failure(error)).empty());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes body(reinterpret_cast<const std::byte*>(data), size);
  if (size >= 2) row(body, load_big_endian<std::uint16_t>(body.data()));
  for (const std::size_t columns : {0u, 1u, 65535u}) row(body, columns);
  messages(body);
  return 0;
}
