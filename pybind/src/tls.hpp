// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// TLS by Python's ssl module, so that a user's SSLContext counts with all that was set on it: its
// trust, its callbacks, its errors. The context's OpenSSL may be another one than ours, so nothing of
// it is touched but through Python (ssl.MemoryBIO and SSLObject).
#pragma once

#include <memory>
#include <string>

#include "pgstride/driver/net/tls.hpp"
#include "pgstride/pybind/src/python.hpp"

namespace pgstride::python {

class PyTlsContext final : public TlsContext {
 public:
  /// `context` is an ssl.SSLContext. With `direct` the server must agree to ALPN "postgresql".
  PyTlsContext(Ref context, bool direct) noexcept : context_(std::move(context)), direct_(direct) {}

  std::unique_ptr<TlsEngine> connect(const std::string& host, Failure& failure) const override;

  /// What ssl raised when a connection failed last; none when it did not.
  Ref take_error() const noexcept { return std::move(error_); }

 private:
  friend class PyTlsEngine;

  Ref context_;
  bool direct_;
  mutable Ref error_;
};

}  // namespace pgstride::python
