#include "supervisor/connect-handler.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include <cerrno>
#include <cstring>

#include "gate/outgoing.h"
#include "gate/upstream.h"
#include "supervisor/connection-kind.h"
#include "supervisor/private-network.h"
#include "supervisor/program-descriptors.h"
#include "supervisor/refusal.h"
#include "supervisor/socket-facts.h"

namespace tlspool::supervisor {

namespace {

using socket::Address;
using socket::Descriptor;

#ifndef IPPROTO_MPTCP
constexpr int IPPROTO_MPTCP = 262;
#endif

/// ms after which a blocking call gives up waiting (SO_SNDTIMEO, socket(7)); 0: never.
double patienceOf(int fd) {
  timeval limit{};
  socklen_t length = sizeof limit;
  if (getsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, &length) != 0) return 0;
  return static_cast<double>(limit.tv_sec) * 1000 + static_cast<double>(limit.tv_usec) / 1000.0;
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

/// Makes the call in the program's place. What a blocking call waits for is waited for by itself,
/// in the kernel, which takes no address from it any more: the socket is connecting, unless another
/// thread puts another socket under the number meanwhile, which the kernel looks up anew. By the
/// answer the socket is the program's alone again.
void connectHere(Notification& call, Descriptor socket, const Address& address) {
  int fd = socket.number();
  int flags = fcntl(fd, F_GETFL);
  bool blocking = (flags & O_NONBLOCK) == 0;
  if (flags < 0 || (blocking && fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)) {
    call.fail(errno);
    return;
  }
  int error = ::connect(fd, address.get(), address.length) == 0 ? 0 : errno;
  if (blocking) fcntl(fd, F_SETFL, flags);
  socket.reset();
  if (error == 0)
    call.finish(0);
  else if (blocking && (error == EINPROGRESS || error == EALREADY))
    call.proceed();
  else
    call.fail(error);
}

/// Of a socket that is connected the kernel says so: 0 to the first call after it came about, then
/// EISCONN. Were it dissolved at this moment, this would lead nowhere else.
void connectToItself(Notification& call, Descriptor socket) {
  Address own = localAddressOf(socket.number());
  connectHere(call, std::move(socket), own);
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
  switch (connectionKind(fd.number(), *address)) {
    case ConnectionKind::stream:
      if (remoteAddressOf(fd.number()).length != 0)
        connectToItself(*call, std::move(fd));
      else
        ask("connect", std::move(call), std::move(fd), *address);
      return;
    case ConnectionKind::resolver:
      ask("resolve", std::move(call), std::move(fd), *address);
      return;
    case ConnectionKind::nameCache:
      call->fail(ECONNREFUSED);
      return;
    case ConnectionKind::dissolve:
      dissolve(*call, std::move(fd), *address);
      return;
    case ConnectionKind::unsupported:
      errno = 0;
      refuse(*call, EACCES, "it is no TCP socket");
      return;
    case ConnectionKind::other:
      fd.reset();
      call->proceed();
      return;
  }
}

void ConnectHandler::dissolve(Notification& call, Descriptor fd, const Address& address) {
  uint64_t cookie = cookieOf(fd.number());
  gate::Outgoing::instance().forget(cookie);
  // Told before any question about what the program does with the socket next.
  questions_.tell("dissolved", [cookie](napi_env env, napi_value event) {
    napi_value name;
    napi_create_bigint_uint64(env, cookie, &name);
    node::set(env, event, "cookie", name);
  });
  connectHere(call, std::move(fd), address);
}

/// To the address that was judged, as another thread of the program may have written another one
/// into its memory by now; without one, a socket that is connected.
void ConnectHandler::connectAsJudged(Notification& call, uint64_t cookie,
                                     const std::optional<Address>& address) {
  Descriptor fd = call.fetch(call.descriptorArgument(0));
  if (!fd || cookieOf(fd.number()) != cookie)
    call.fail(EBADF);
  else if (address)
    connectHere(call, std::move(fd), *address);
  else
    connectToItself(call, std::move(fd));
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
  if (address && connectionKind(fd.number(), *address) == ConnectionKind::resolver) {
    ask("resolve", std::move(call), std::move(fd), *address);
  } else {
    call->proceed();
  }
}

void ConnectHandler::ask(const char* kind, std::shared_ptr<Notification> call, Descriptor fd,
                         const Address& address) {
  pid_t thread = call->task().id();
  pid_t process = call->task().process();
  int number = call->descriptorArgument(0);
  uint64_t cookie = cookieOf(fd.number());
  bool blocking = (fcntl(fd.number(), F_GETFL) & O_NONBLOCK) == 0;
  bool elsewhere = networkOf(fd.number()) != gate::ownNetwork();
  bool multipath = optionOf(fd.number(), SOL_SOCKET, SO_PROTOCOL, 0) == IPPROTO_MPTCP;
  bool inside = PrivateNetwork::instance().contains(fd.number());
  bool sends = call->number() == SYS_sendto;
  double patience = blocking ? patienceOf(fd.number()) : 0;
  int family = optionOf(fd.number(), SOL_SOCKET, SO_DOMAIN, AF_UNSPEC);
  int held = fd.release();
  auto describe = [=](napi_env env, napi_value event) {
    socket::Spelling spelling = socket::spell(address);
    napi_value name;
    napi_create_bigint_uint64(env, cookie, &name);
    node::set(env, event, "cookie", name);
    node::set(env, event, "thread", node::number(env, thread));
    node::set(env, event, "process", node::number(env, process));
    node::set(env, event, "descriptor", node::number(env, number));
    node::set(env, event, "fd", node::number(env, held));
    node::set(env, event, "ipv6", node::boolean(env, family == AF_INET6));
    node::set(env, event, "blocking", node::boolean(env, blocking));
    node::set(env, event, "patience", node::number(env, patience));
    node::set(env, event, "elsewhere", node::boolean(env, elsewhere));
    node::set(env, event, "inside", node::boolean(env, inside));
    node::set(env, event, "sends", node::boolean(env, sends));
    node::set(env, event, "multipath", node::boolean(env, multipath));
    node::set(env, event, "destination", bytesOf(env, address));
    node::set(env, event, "address", node::string(env, spelling.host));
    node::set(env, event, "port", node::number(env, spelling.port));
  };
  bool stream = strcmp(kind, "connect") == 0;
  auto understand = [=, this](const node::Fields& answer) -> Job {
    std::string action = answer.text("action");
    if (action == "finish") {
      call->finish(0);
    } else if (action == "connected") {
      return [=, this] { connectAsJudged(*call, cookie, std::nullopt); };
    } else if (action == "proceed" && stream) {
      return [=, this] { connectAsJudged(*call, cookie, address); };
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
  };
  questions_.ask(kind, describe, understand, [call] { call->finish(0); });
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
  tellRefused(questions_, call.task(), "connect", reason, errno);
  call.fail(error);
}

}  // namespace tlspool::supervisor
