// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/driver/net/gssapi.hpp"

#include <gssapi/gssapi.h>

#include <string_view>
#include <utility>

namespace pgstride::inline v0 {
namespace {

class Buffer {
 public:
  Buffer() = default;
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() {
    OM_uint32 ignored = 0;
    gss_release_buffer(&ignored, &buffer_);
  }

  gss_buffer_t get() noexcept { return &buffer_; }
  std::string_view text() const noexcept { return {static_cast<const char*>(buffer_.value), buffer_.length}; }

 private:
  gss_buffer_desc buffer_ = GSS_C_EMPTY_BUFFER;
};

gss_buffer_desc view(const std::string& text) noexcept {
  gss_buffer_desc buffer = GSS_C_EMPTY_BUFFER;
  buffer.length = text.size();
  buffer.value = const_cast<char*>(text.data());  // it is only read
  return buffer;
}

/// What a status code means, in all its sentences.
void append_status(std::string& text, OM_uint32 code, int type) {
  OM_uint32 minor = 0;
  OM_uint32 more = 0;
  do {
    Buffer sentence;
    if (gss_display_status(&minor, code, type, GSS_C_NO_OID, &more, sentence.get()) != GSS_S_COMPLETE) return;
    text.append(": ").append(sentence.text());
  } while (more != 0);
}

class SystemExchange final : public GssExchange {
 public:
  explicit SystemExchange(const GssTarget& target)
      : name_(target.service + "@" + target.host),
        flags_(GSS_C_MUTUAL_FLAG | (target.delegate ? GSS_C_DELEG_FLAG : 0U)) {}
  SystemExchange(const SystemExchange&) = delete;
  SystemExchange& operator=(const SystemExchange&) = delete;
  ~SystemExchange() override {
    OM_uint32 ignored = 0;
    gss_release_name(&ignored, &server_);
    gss_delete_sec_context(&ignored, &context_, GSS_C_NO_BUFFER);
  }

  GssStep step(const std::string& token) override {
    OM_uint32 minor = 0;
    if (server_ == GSS_C_NO_NAME) {
      gss_buffer_desc name = view(name_);
      const OM_uint32 major = gss_import_name(&minor, &name, GSS_C_NT_HOSTBASED_SERVICE, &server_);
      if (GSS_ERROR(major)) return failed(major, minor);
    }
    gss_buffer_desc input = view(token);
    Buffer output;
    OM_uint32 granted = 0;
    const OM_uint32 major = gss_init_sec_context(
        &minor, GSS_C_NO_CREDENTIAL, &context_, server_, GSS_C_NO_OID, flags_, GSS_C_INDEFINITE,
        GSS_C_NO_CHANNEL_BINDINGS, &input, nullptr, output.get(), &granted, nullptr);
    if (GSS_ERROR(major)) return failed(major, minor);
    GssStep step;
    step.token = output.text();
    step.is_complete = major == GSS_S_COMPLETE;
    if (step.is_complete && (granted & GSS_C_MUTUAL_FLAG) == 0)
      step.problem = "the server did not prove by GSSAPI who it is";
    return step;
  }

 private:
  GssStep failed(OM_uint32 major, OM_uint32 minor) const {
    GssStep step;
    step.problem = "could not log in to " + name_ + " by GSSAPI";
    append_status(step.problem, major, GSS_C_GSS_CODE);
    if (minor != 0) append_status(step.problem, minor, GSS_C_MECH_CODE);
    return step;
  }

  std::string name_;
  OM_uint32 flags_;
  gss_name_t server_ = GSS_C_NO_NAME;
  gss_ctx_id_t context_ = GSS_C_NO_CONTEXT;
};

}  // namespace

std::unique_ptr<GssExchange> make_gss_exchange(const GssTarget& target) {
  return std::make_unique<SystemExchange>(target);
}

}  // namespace pgstride::inline v0
