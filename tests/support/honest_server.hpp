// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// A server that keeps the protocol, and aborts when its client does not. What it knows of SQL:
//
//     begin, commit, discard    what they say
//     forget                    what discard says, without telling so
//     fail                      a syntax error
//     lost …                    is forgotten as soon as it was prepared
//     ROLLBACK TO SAVEPOINT …   an error, as there are no savepoints
//     copy out …                its own text, twice
//     copy in …                 takes data until they end, or, when the text ends in "fail", until they begin
//     anything else             one row, one column x: the statement's only argument, or its own text
#pragma once

#include <cstdint>
#include <cstdlib>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "pgstride/protocol/bytes.hpp"

#include "tests/support/backend_writer.hpp"
#include "tests/support/require.hpp"

namespace pgstride::test {

class HonestServer {
 public:
  std::string said;  // and not yet delivered

  void hear(Bytes bytes) {
    heard_ += as_text(bytes);
    while (heard_.size() >= 5) {
      const auto size = std::size_t{1} + load_big_endian<std::uint32_t>(as_bytes(heard_).data() + 1);
      require(size >= 5 && size < (std::size_t{1} << 24));
      if (heard_.size() < size) return;
      const std::string message = heard_.substr(0, size);
      heard_.erase(0, size);
      answer(message[0], Reader(as_bytes(message).subspan(5)));
    }
  }

 private:
  void answer(char type, Reader in) {
    if (type == 'S' && copying_) return;  // lost
    if (type == 'S') {
      skipping_ = false;
      said += ready_for_query(status_);
      return;
    }
    if (skipping_) return;
    if (type == 'd' || type == 'c' || type == 'f') return on_copy(type);
    require(!copying_);  // the server would take anything else for a mistake
    switch (type) {
      case 'Q': return on_query(std::string(in.cstr()));
      case 'P': {
        const auto name = in.cstr();
        return on_parse(std::string(name), std::string(in.cstr()));
      }
      case 'D': {
        require(in.u8() == 'S');
        return on_describe(std::string(in.cstr()));
      }
      case 'B': return on_bind(in);
      case 'E': {
        const auto portal = in.cstr();
        return on_execute(std::string(portal), in.u32());
      }
      case 'C': {
        const auto kind = in.u8();
        return on_close(kind, std::string(in.cstr()));
      }
      default: std::abort();
    }
  }

  bool refuse(const char* sqlstate, const std::string& text = "it failed") {
    said += error_response(sqlstate, "ERROR", text);
    skipping_ = true;
    if (status_ == 'T') status_ = 'E';
    return true;
  }
  bool in_failed_block() { return status_ == 'E' && refuse("25P02"); }

  void on_query(const std::string& sql) {
    if (sql == "begin" || sql == "commit") {
      status_ = sql == "begin" ? 'T' : 'I';
      said += command_complete(sql);
    } else if (in_failed_block() || (sql == "fail" && refuse("22012"))) {
      skipping_ = false;
    } else if (sql == "discard" || sql == "forget") {
      for (const auto& [name, text] : statements_) gone_.insert(name);
      statements_.clear();
      said += command_complete(sql == "discard" ? "DISCARD ALL" : "DO");
    } else if (sql.starts_with("copy in")) {
      said += copy_response('G');
      copying_ = true;
      copy_fails_ = sql.ends_with("fail");
      return;
    } else if (sql.starts_with("copy out")) {
      said += copy_response('H') + copy_data(sql) + copy_data(sql) + copy_done() + command_complete("COPY 2");
    } else {
      said += row_description({"x"}) + data_row({sql}) + command_complete("SELECT 1");
    }
    said += ready_for_query(status_);
  }
  // What comes when no COPY is under way any more is ignored.
  void on_copy(char type) {
    if (!copying_ || (type == 'd' && !copy_fails_)) return;
    copying_ = false;
    if (type == 'c' && !copy_fails_) {
      said += command_complete("COPY 1");
    } else {
      refuse(copy_fails_ ? "22P04" : "57014");
      skipping_ = false;
    }
    said += ready_for_query(status_);
  }
  void on_parse(const std::string& name, const std::string& sql) {
    gone_.insert(name);  // unless it succeeds
    if (in_failed_block() || (sql == "fail" && refuse("42601"))) return;
    require(name.empty() || !statements_.contains(name));  // we must not parse twice
    statements_[name] = sql;
    gone_.erase(name);
    said += parse_complete();
  }
  void on_describe(const std::string& name) {
    require(statements_.contains(name));
    said += parameter_description({25}) + row_description({"x"});
    if (!statements_[name].starts_with("lost")) return;
    statements_.erase(name);
    gone_.insert(name);
  }
  void on_bind(Reader& in) {
    const std::string portal(in.cstr());
    const std::string name(in.cstr());
    if (!statements_.contains(name)) {
      require(gone_.contains(name));  // we must not use what was never prepared, or closed
      refuse("26000", "prepared statement \"" + name + "\" does not exist");
      return;
    }
    if (in_failed_block()) return;
    for (int formats = in.u16(); formats > 0; --formats) in.u16();
    const bool argument = in.u16() == 1;
    portals_[portal] = argument ? std::string(as_text(in.take(in.u32()))) : statements_[name];
    said += bind_complete();
  }
  void on_execute(const std::string& portal, std::uint32_t limit) {
    if (!portals_.contains(portal)) return static_cast<void>(refuse("34000"));
    if (portals_[portal].starts_with("ROLLBACK TO")) return static_cast<void>(refuse("25P01"));
    said += data_row({portals_[portal]}) + (limit == 0 ? command_complete("SELECT 1") : portal_suspended());
  }
  void on_close(std::uint8_t kind, const std::string& name) {
    if (kind == 'S') {
      statements_.erase(name);
    } else {
      portals_.erase(name);
    }
    said += close_complete();
  }

  std::string heard_;
  std::map<std::string, std::string> statements_;
  std::map<std::string, std::string> portals_;
  std::set<std::string> gone_;  // names that may be used in vain
  char status_ = 'I';
  bool skipping_ = false;
  bool copying_ = false;
  bool copy_fails_ = false;
};

}  // namespace pgstride::test
