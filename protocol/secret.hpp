// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Passwords and keys that do not leak by accident: printing one shows ***, reading it takes a word
// that is easy to search for, and its memory is wiped when it goes. Knows no user of secrets.
#pragma once

#include <array>
#include <cstddef>
#include <iosfwd>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace pgstride::inline v0 {

/// Overwrites memory in a way that the compiler does not optimise away.
void wipe(void* memory, std::size_t size) noexcept;

class Secret {
 public:
  Secret() = default;
  /// Takes the string and leaves nothing of it behind; an lvalue is copied and stays the caller's to wipe.
  explicit Secret(std::string&& value) noexcept : value_(std::move(value)) { wipe_text(value); }
  explicit Secret(const std::string& value) : value_(value) {}
  explicit Secret(std::string_view value) : value_(value) {}
  explicit Secret(const char* value) : value_(value) {}
  Secret(const Secret&) = default;
  Secret(Secret&& other) noexcept : value_(std::move(other.value_)) { wipe_text(other.value_); }
  Secret& operator=(Secret other) noexcept {
    value_.swap(other.value_);
    return *this;
  }
  ~Secret() { wipe_text(value_); }

  std::string_view reveal() const noexcept { return value_; }
  bool empty() const noexcept { return value_.empty(); }

  template <class Char, class Traits>
  friend std::basic_ostream<Char, Traits>& operator<<(std::basic_ostream<Char, Traits>& out, const Secret&) {
    return out << "***";
  }

 private:
  // A short string lives inside the object, so even a moved-from one may still hold the characters;
  // hence the whole capacity. Resizing to it never allocates.
  static void wipe_text(std::string& text) noexcept {
    text.resize(text.capacity());
    wipe(text.data(), text.size());
    text.clear();
  }

  std::string value_;
};

/// A key of fixed size.
template <std::size_t Size>
struct SecretBytes : std::array<std::byte, Size> {
  SecretBytes() noexcept : std::array<std::byte, Size>{} {}
  SecretBytes(const SecretBytes&) = default;
  SecretBytes& operator=(const SecretBytes&) = default;
  ~SecretBytes() { wipe(this->data(), Size); }
};

/// For containers that hold parts of a secret while it is worked on: memory is wiped when they free it,
/// on growth and at the end.
template <class T>
struct WipingAllocator {
  using value_type = T;

  WipingAllocator() = default;
  template <class Other>
  WipingAllocator(const WipingAllocator<Other>&) noexcept {}

  T* allocate(std::size_t count) { return std::allocator<T>().allocate(count); }
  void deallocate(T* memory, std::size_t count) noexcept {
    wipe(memory, count * sizeof(T));
    std::allocator<T>().deallocate(memory, count);
  }

  friend bool operator==(WipingAllocator, WipingAllocator) noexcept { return true; }
};

}  // namespace pgstride::inline v0
