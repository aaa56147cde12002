// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// GSSAPI by the system's library (MIT's or Heimdal's), which finds configuration, credentials and ticket
// caches as usual. One of two sources implements this: gssapi.cpp where that library was found when
// pgstride was built, no_gssapi.cpp elsewhere.
#pragma once

#include <memory>
#include <string>

#include "pgstride/protocol/gss.hpp"

namespace pgstride::inline v0 {

/// Whom to log in to.
struct GssTarget {
  GssTarget(std::string service_, std::string host_, bool delegate_)
      : service(std::move(service_)), host(std::move(host_)), delegate(delegate_) {}

  std::string service;  // with the host, the server's name there: postgres@db.example.org
  std::string host;
  bool delegate;  // the server may act in our name
};

/// Without the library, an exchange whose first step fails with that message.
std::unique_ptr<GssExchange> make_gss_exchange(const GssTarget& target);

}  // namespace pgstride::inline v0
