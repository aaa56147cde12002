// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/protocol/secret.hpp"

#include <openssl/crypto.h>

namespace pgstride::inline v0 {

void wipe(void* memory, std::size_t size) noexcept { OPENSSL_cleanse(memory, size); }

}  // namespace pgstride::inline v0
