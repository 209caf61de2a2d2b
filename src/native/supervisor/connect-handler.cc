#include "supervisor/connect-handler.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <string_view>

#include "gate/outgoing.h"
#include "gate/upstream.h"
#include "supervisor/private-network.h"
#include "supervisor/program-descriptors.h"
#include "supervisor/socket-facts.h"

namespace tlspool::supervisor {

namespace {

using socket::Address;
using socket::Descriptor;

#ifndef IPPROTO_MPTCP
constexpr int IPPROTO_MPTCP = 262;
#endif
constexpr int kDnsPort = 53;
/// Below are ports of servers, which may answer one that asks from port 53.
constexpr int kFirstPortOfClients = 1024;

enum class Kind {
  /// TCP, by whatever name: it may have to be wrapped.
  stream,
  /// UDP to a name server.
  resolver,
  /// A cache of names on this machine, behind which questions cannot be seen.
  nameCache,
  /// The end of an association.
  dissolve,
  /// What TLS cannot be put on, though the kernel would carry a stream over it.
  unsupported,
  other,
};

/// The sockets of nscd and systemd-resolved. The C library asks the name servers itself when these
/// refuse (nscd(8), nss-resolve(8)).
bool isNameCache(const Address& address) {
  sockaddr_un name{};
  memcpy(&name, &address.storage, std::min<size_t>(address.length, sizeof name));
  std::string_view path(name.sun_path, strnlen(name.sun_path, sizeof name.sun_path));
  return path.ends_with("/nscd/socket") || path.find("/systemd/resolve/") != path.npos;
}

bool isInternet(int family) { return family == AF_INET || family == AF_INET6; }

/// What a UDP socket is to send to a name server.
bool isQuestion(int fd, const Address& server) {
  if (optionOf(fd, SOL_SOCKET, SO_PROTOCOL, 0) != IPPROTO_UDP) return false;
  int own = portOf(localAddressOf(fd));
  return portOf(server) == kDnsPort && (own == 0 || own >= kFirstPortOfClients);
}

Kind kindOf(int fd, const Address& address) {
  int family = optionOf(fd, SOL_SOCKET, SO_DOMAIN, AF_UNSPEC);
  if (family == AF_UNIX) return isNameCache(address) ? Kind::nameCache : Kind::other;
  if (!isInternet(family)) return isInternet(address.family()) ? Kind::unsupported : Kind::other;
  if (address.family() == AF_UNSPEC) return Kind::dissolve;
  int type = optionOf(fd, SOL_SOCKET, SO_TYPE, 0);
  if (type == SOCK_DGRAM) return isQuestion(fd, address) ? Kind::resolver : Kind::other;
  if (type != SOCK_STREAM) return Kind::other;
  int protocol = optionOf(fd, SOL_SOCKET, SO_PROTOCOL, 0);
  return protocol == IPPROTO_TCP || protocol == IPPROTO_MPTCP ? Kind::stream : Kind::unsupported;
}

/// A UDP socket that gets a port of the kernel's choice.
bool isUnportedDatagram(int fd, const Address& address) {
  return isInternet(optionOf(fd, SOL_SOCKET, SO_DOMAIN, AF_UNSPEC)) &&
         optionOf(fd, SOL_SOCKET, SO_TYPE, 0) == SOCK_DGRAM && isInternet(address.family()) &&
         portOf(address) == 0;
}

napi_value bytesOf(napi_env env, const Address& address) {
  return node::buffer(env, &address.storage, address.length);
}

}  // namespace

std::vector<Trap> ConnectHandler::traps() const {
  return {{.number = SYS_connect},
          {.number = SYS_bind},
          {.number = SYS_sendto,
           .conditions = {{4, Condition::Test::hasAnyBit, UINT32_MAX}},
           .forNames = true}};
}

bool ConnectHandler::wants(const Notification& call) {
  return call.number() != SYS_sendto ||
         (call.argument(4) != 0 && (call.argument(3) & MSG_FASTOPEN) == 0);
}

void ConnectHandler::handle(std::shared_ptr<Notification> call) {
  Descriptor fd = call->fetch(call->descriptorArgument(0));
  if (!fd) {
    if (errno == EBADF) call->fail(EBADF);
    // Neither makes a connection: what follows is looked at again.
    else if (call->number() != SYS_connect)
      call->proceed();
    // Over: nobody waits for an answer.
    else if (errno != ESRCH)
      refuse(*call, EACCES, "the socket cannot be looked at");
    return;
  }
  if (cookieOf(fd.number()) == 0) {
    call->fail(ENOTSOCK);
    return;
  }
  if (call->number() == SYS_bind)
    binding(std::move(call), std::move(fd));
  else if (call->number() == SYS_sendto)
    sending(std::move(call), std::move(fd));
  else
    connecting(std::move(call), std::move(fd));
}

void ConnectHandler::connecting(std::shared_ptr<Notification> call, Descriptor fd) {
  auto address = call->readAddress(1, 2);
  if (!address) {
    call->fail(errno);
    return;
  }
  switch (kindOf(fd.number(), *address)) {
    case Kind::stream:
      ask("connect", std::move(call), std::move(fd), *address);
      return;
    case Kind::resolver:
      ask("resolve", std::move(call), std::move(fd), *address);
      return;
    case Kind::nameCache:
      call->fail(ECONNREFUSED);
      return;
    case Kind::dissolve:
      dissolve(*call, cookieOf(fd.number()));
      return;
    case Kind::unsupported:
      errno = 0;
      refuse(*call, EACCES, "it is no TCP socket");
      return;
    case Kind::other:
      call->proceed();
      return;
  }
}

void ConnectHandler::dissolve(Notification& call, uint64_t cookie) {
  gate::Outgoing::instance().forget(cookie);
  // Told before any question about what the program does with the socket next.
  questions_.tell("dissolved", [cookie](napi_env env, napi_value event) {
    napi_value name;
    napi_create_bigint_uint64(env, cookie, &name);
    node::set(env, event, "cookie", name);
  });
  call.proceed();
}

void ConnectHandler::binding(std::shared_ptr<Notification> call, Descriptor fd) {
  auto address = call->readAddress(1, 2);
  if (address && isUnportedDatagram(fd.number(), *address)) {
    ask("bind", std::move(call), std::move(fd), *address);
  } else {
    call->proceed();
  }
}

void ConnectHandler::sending(std::shared_ptr<Notification> call, Descriptor fd) {
  auto address = call->readAddress(4, 5);
  if (address && kindOf(fd.number(), *address) == Kind::resolver) {
    ask("resolve", std::move(call), std::move(fd), *address);
  } else {
    call->proceed();
  }
}

void ConnectHandler::ask(const char* kind, std::shared_ptr<Notification> call, Descriptor fd,
                         const Address& address) {
  pid_t thread = call->task().id();
  int number = call->descriptorArgument(0);
  uint64_t cookie = cookieOf(fd.number());
  bool blocking = (fcntl(fd.number(), F_GETFL) & O_NONBLOCK) == 0;
  bool elsewhere = networkOf(fd.number()) != gate::ownNetwork();
  bool multipath = optionOf(fd.number(), SOL_SOCKET, SO_PROTOCOL, 0) == IPPROTO_MPTCP;
  bool inside = PrivateNetwork::instance().contains(fd.number());
  bool sends = call->number() == SYS_sendto;
  int family = optionOf(fd.number(), SOL_SOCKET, SO_DOMAIN, AF_UNSPEC);
  int held = fd.release();
  auto describe = [=](napi_env env, napi_value event) {
    socket::Spelling spelling = socket::spell(address);
    napi_value name;
    napi_create_bigint_uint64(env, cookie, &name);
    node::set(env, event, "cookie", name);
    node::set(env, event, "thread", node::number(env, thread));
    node::set(env, event, "descriptor", node::number(env, number));
    node::set(env, event, "fd", node::number(env, held));
    node::set(env, event, "ipv6", node::boolean(env, family == AF_INET6));
    node::set(env, event, "blocking", node::boolean(env, blocking));
    node::set(env, event, "elsewhere", node::boolean(env, elsewhere));
    node::set(env, event, "inside", node::boolean(env, inside));
    node::set(env, event, "sends", node::boolean(env, sends));
    node::set(env, event, "multipath", node::boolean(env, multipath));
    node::set(env, event, "destination", bytesOf(env, address));
    node::set(env, event, "address", node::string(env, spelling.host));
    node::set(env, event, "port", node::number(env, spelling.port));
  };
  questions_.ask(kind, describe, [this, call](const node::Fields& answer) -> Job {
    std::string action = answer.text("action");
    if (action == "finish") {
      call->finish(0);
    } else if (action == "proceed") {
      call->proceed();
    } else if (action == "interrupt") {
      call->interrupt();
    } else if (action == "replace") {
      return [this, call] { replaceByTcp(call); };
    } else if (action == "substitute") {
      auto fresh = std::make_shared<Descriptor>(static_cast<int>(answer.integer("fd", -1)));
      return [this, call, fresh] { substitute(call, *fresh); };
    } else {
      call->fail(static_cast<int>(answer.integer("errno", EACCES)));
    }
    return nullptr;
  });
}

/// The question is then asked anew, about the socket that is there instead.
void ConnectHandler::replaceByTcp(std::shared_ptr<Notification> call) {
  Descriptor original = call->fetch(call->descriptorArgument(0));
  if (!original) return;
  Descriptor fresh = gate::tcpLike(original.number());
  if (!fresh || !replaceEverywhere(*call, original.number(), fresh.number())) {
    refuse(*call, EACCES, "the MPTCP socket cannot be replaced by a TCP one");
    return;
  }
  handle(std::move(call));
}

/// Likewise. A resolver that keeps its socket, for whatever reason, resolves: only the names are
/// not known.
void ConnectHandler::substitute(std::shared_ptr<Notification> call, const Descriptor& fresh) {
  Descriptor original = call->fetch(call->descriptorArgument(0));
  if (!original) return;
  if (replaceEverywhere(*call, original.number(), fresh.number()))
    handle(std::move(call));
  else
    call->proceed();
}

void ConnectHandler::refuse(Notification& call, int error, const char* reason) {
  int cause = errno;
  // Looked at while the call waits: afterwards the program may be gone.
  pid_t process = call.task().process();
  std::string executable = call.task().executable();
  questions_.tell("refused", [=](napi_env env, napi_value event) {
    node::set(env, event, "pid", node::number(env, process));
    node::set(env, event, "executable", node::string(env, executable));
    node::set(env, event, "call", node::string(env, "connect"));
    node::set(env, event, "reason", node::string(env, reason));
    node::set(env, event, "errno", node::number(env, cause));
  });
  call.fail(error);
}

}  // namespace tlspool::supervisor
