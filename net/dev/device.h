#pragma once

#include "lib/units.h"
#include "net/skb/skb.h"

namespace ring3::net {

// Where a stack's packets go.
class Device {
 public:
  // Takes `skb`, an IPv4 packet: it is sent, kept for later, or dropped.
  virtual void transmit(Nanos now, SkBuff* skb) = 0;

 protected:
  ~Device() = default;
};

}  // namespace ring3::net
