// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// The receive buffer under any bytes in any pieces: the frames do not depend on the pieces, every
// frame is whole and of a legal length, and memory follows what has arrived.
// Proves FZ-2.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>

#include "pgstride/protocol/framing.hpp"

#include "tests/support/require.hpp"

using namespace pgstride;
using namespace pgstride::test;

namespace {

/// What came out, so that two runs can be compared.
struct Outcome {
  std::string frames;
  ReadBuffer::Next last = ReadBuffer::Next::need_more;
  bool operator==(const Outcome&) const = default;
};

Outcome run(Bytes stream, Phase phase, std::size_t piece) {
  constexpr std::uint32_t limit = 1 << 20;
  ReadBuffer in(limit);
  Outcome outcome;
  std::size_t received = 0;
  std::size_t handed_out = 0;
  while (received < stream.size()) {
    const auto space = in.prepare();
    require(!space.empty());
    const std::size_t count = std::min({space.size(), piece, stream.size() - received});
    std::memcpy(space.data(), stream.data() + received, count);
    in.commit(count);
    received += count;
    require(in.capacity() <= std::max<std::size_t>(256 << 10, 2 * received + (8 << 10)));

    Frame frame;
    while ((outcome.last = in.next(frame, phase)) == ReadBuffer::Next::frame) {
      const std::size_t size = 5 + frame.body.size();
      require(handed_out + size <= received);
      require(size <= 1 + std::max<std::size_t>(limit, 64 << 20));
      require(std::memcmp(frame.body.data() - 5, stream.data() + handed_out, size) == 0);
      handed_out += size;
      outcome.frames += frame.type;
      outcome.frames += std::to_string(size);
    }
    require(in.unread() == received - handed_out);
    if (outcome.last != ReadBuffer::Next::need_more) break;  // final
  }
  return outcome;
}

}  // namespace

// The first byte chooses the phase, the second the size of the pieces.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const auto phase = static_cast<Phase>(data[0] % 3);
  const std::size_t piece = 1 + data[1];
  const Bytes stream(reinterpret_cast<const std::byte*>(data + 2), size - 2);
  require(run(stream, phase, piece) == run(stream, phase, SIZE_MAX));
  return 0;
}
