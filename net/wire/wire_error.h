#pragma once

#include <cstdint>

namespace ring3::net {

// Why bytes are not the packet they should be.
enum class WireError : uint8_t {
  kNone,
  kTooShort,    // fewer bytes than the header, or than the header says
  kBadVersion,  // not IPv4
  kBadOffset,   // a header length that is too small or past the end
  kBadChecksum,
  kFragment,   // part of a datagram; nothing here reassembles
  kBadOption,  // a TCP option that is cut off or says it is
  kNotTcp,
};

}  // namespace ring3::net
