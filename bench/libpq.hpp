// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// A libpq connection that prepares each statement once.
#pragma once

#include <postgresql/libpq-fe.h>

#include <map>
#include <memory>
#include <stdexcept>
#include <string>

namespace bench {

class LibpqConnection {
 public:
  explicit LibpqConnection(const std::string& dsn) : connection_(PQconnectdb(dsn.c_str())) {
    if (PQstatus(get()) != CONNECTION_OK) throw std::runtime_error(PQerrorMessage(get()));
  }

  PGconn* get() const noexcept { return connection_.get(); }

  /// The name of the statement on the server.
  const std::string& prepared(const std::string& sql) {
    const auto [known, is_new] = names_.try_emplace(sql, "statement_" + std::to_string(names_.size()));
    if (is_new) check(PQprepare(get(), known->second.c_str(), sql.c_str(), 0, nullptr), PGRES_COMMAND_OK);
    return known->second;
  }

  struct Clear {
    void operator()(PGresult* result) const noexcept { PQclear(result); }
  };
  using Result = std::unique_ptr<PGresult, Clear>;

  Result check(PGresult* raw, ExecStatusType wanted) const {
    Result result(raw);
    if (PQresultStatus(raw) != wanted) throw std::runtime_error(PQerrorMessage(get()));
    return result;
  }

 private:
  struct Finish {
    void operator()(PGconn* connection) const noexcept { PQfinish(connection); }
  };
  std::unique_ptr<PGconn, Finish> connection_;
  std::map<std::string, std::string> names_;
};

}  // namespace bench
