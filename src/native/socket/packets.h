// The packets of DNS on every interface, as the network layer sees them.
#pragma once

#include "socket/descriptor.h"

namespace tlspool::socket {

/// A non-blocking AF_PACKET socket (packet(7)) from which UDP packets from and to port 53 are read,
/// each behind its IPv4 or IPv6 header, incoming and outgoing. Needs CAP_NET_RAW; empty with errno
/// on failure. A packet is there before the socket that it is meant for has it.
Descriptor sniffDns();

}  // namespace tlspool::socket
