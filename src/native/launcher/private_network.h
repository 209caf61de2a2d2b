// The other side of src/native/supervisor/private-network.h.
#pragma once

// Makes a network namespace in which every address is local, and serves sockets of it on `channel`
// until its other end is closed. Never returns.
//
// Says 'r' when it is ready; 'e' and a uint32 errno and the name of what failed otherwise. Then,
// each time that it is sent '4', '6' or 'd', it sends the same byte with sockets beside it: TCP
// over IPv4 or IPv6, or one for NETLINK_SOCK_DIAG.
void servePrivateNetwork(int channel) __attribute__((noreturn));
