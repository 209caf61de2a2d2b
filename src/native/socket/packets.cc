#include "socket/packets.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace tlspool::socket {

namespace {

constexpr unsigned kDns = 53;
/// Where classic BPF finds the EtherType of a packet.
constexpr unsigned kEtherType = static_cast<unsigned>(SKF_AD_OFF + SKF_AD_PROTOCOL);
/// Bytes of packets that may wait to be read: hundreds of answers.
constexpr int kRoom = 1 << 20;

/// Jumps count the instructions behind the next one.
constexpr sock_filter kDnsOnly[] = {
    BPF_STMT(BPF_LD | BPF_H | BPF_ABS, kEtherType),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IP, 1, 0),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IPV6, 7, 14),
    // IPv4: the protocol, then the ports behind a header of its own length.
    BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 9),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 12),
    BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
    BPF_STMT(BPF_LD | BPF_H | BPF_IND, 0),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kDns, 8, 0),
    BPF_STMT(BPF_LD | BPF_H | BPF_IND, 2),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kDns, 6, 7),
    // IPv6: the next header, then the ports behind forty bytes.
    BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 6),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 5),
    BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 40),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kDns, 2, 0),
    BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 42),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kDns, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, 0xffff),
    BPF_STMT(BPF_RET | BPF_K, 0),
};

}  // namespace

Descriptor sniffDns() {
  // Without a protocol it gets nothing before the filter is in place.
  Descriptor fd(::socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return {};
  sock_fprog program{sizeof kDnsOnly / sizeof *kDnsOnly, const_cast<sock_filter*>(kDnsOnly)};
  if (setsockopt(fd.number(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) != 0)
    return {};
  setsockopt(fd.number(), SOL_SOCKET, SO_RCVBUFFORCE, &kRoom, sizeof kRoom);
  sockaddr_ll everywhere{};
  everywhere.sll_family = AF_PACKET;
  everywhere.sll_protocol = htons(ETH_P_ALL);
  if (bind(fd.number(), reinterpret_cast<sockaddr*>(&everywhere), sizeof everywhere) != 0)
    return {};
  return fd;
}

}  // namespace tlspool::socket
