// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// An OAuth validator for tests, which PostgreSQL 18 loads: "token-of-<role>" lets that role in.
//
// Binary packages of the server bring no headers; what of its interface is used here is written down
// again, as it is from version 18 on.
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

typedef struct {
  int length;
  struct {
    int version, arguments, keys, name_length, float8_by_value;
    char extra[32];
  } abi;
  const char *name, *version;
} Magic;

typedef struct {
  bool authorized;
  char* identity;  // allocated by the server
} Result;

typedef struct {
  uint32_t magic;
  void (*startup)(void*);
  void (*shutdown)(void*);
  bool (*validate)(const void* state, const char* token, const char* role, Result* result);
} Callbacks;

char* pstrdup(const char* text);

const Magic* Pg_magic_func(void) {
  static const Magic magic = {sizeof magic, {SERVER_VERSION / 100, 100, 32, 64, 1, "PostgreSQL"}, 0, 0};
  return &magic;
}

static bool validate(const void* state, const char* token, const char* role, Result* result) {
  static const char prefix[] = "token-of-";
  (void)state;
  result->authorized =
      strncmp(token, prefix, sizeof prefix - 1) == 0 && strcmp(token + sizeof prefix - 1, role) == 0;
  result->identity = pstrdup(role);
  return true;
}

const Callbacks* _PG_oauth_validator_module_init(void) {
  static const Callbacks callbacks = {0x20250220, 0, 0, validate};
  return &callbacks;
}
