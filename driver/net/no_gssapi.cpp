// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/driver/net/gssapi.hpp"

namespace pgstride::inline v0 {
namespace {

class NoExchange final : public GssExchange {
 public:
  GssStep step(const std::string&) override {
    GssStep step;
    step.problem = "the server asks for GSSAPI, which this build of pgstride does not have";
    return step;
  }
};

}  // namespace

std::unique_ptr<GssExchange> make_gss_exchange(const GssTarget&) { return std::make_unique<NoExchange>(); }

}  // namespace pgstride::inline v0
