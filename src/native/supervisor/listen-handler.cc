#include "supervisor/listen-handler.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cerrno>

#include "gate/outgoing.h"
#include "supervisor/likeness.h"
#include "supervisor/private-network.h"
#include "supervisor/program-descriptors.h"
#include "supervisor/refusal.h"
#include "supervisor/shared-listeners.h"
#include "supervisor/socket-facts.h"
#include "supervisor/wrapped-ports.h"

namespace tlspool::supervisor {

namespace {

using socket::Address;
using socket::Descriptor;

#ifndef IPPROTO_MPTCP
constexpr int IPPROTO_MPTCP = 262;
#endif

enum class Kind { tcp, other, unsupported };

Kind kindOf(int fd) {
  int family = optionOf(fd, SOL_SOCKET, SO_DOMAIN, AF_UNSPEC);
  if (family == kSharedMemoryTcp) return Kind::unsupported;
  if (family == AF_UNIX) return Kind::other;
  if (!isInternet(family)) return carriesStream(fd) ? Kind::unsupported : Kind::other;
  if (optionOf(fd, SOL_SOCKET, SO_TYPE, 0) != SOCK_STREAM) return Kind::unsupported;
  int protocol = optionOf(fd, SOL_SOCKET, SO_PROTOCOL, 0);
  return protocol == IPPROTO_TCP || protocol == IPPROTO_MPTCP ? Kind::tcp : Kind::unsupported;
}

bool isSocket(int fd) { return cookieOf(fd) != 0; }

/// listen(2) on a socket without an address takes a free port: ours has to know which.
bool hasAddress(int fd) {
  Address address = localAddressOf(fd);
  if (portOf(address) != 0) return true;
  return bind(fd, address.get(), address.length) == 0;
}

/// Who made the socket: a user id.
uid_t ownerOf(int fd) {
  struct stat facts {};
  return fstat(fd, &facts) == 0 ? facts.st_uid : static_cast<uid_t>(-1);
}

/// Looked at while the call waits: afterwards the program may be gone.
struct Caller {
  explicit Caller(const Task& task) : process(task.process()), executable(task.executable()) {}

  pid_t process;
  std::string executable;
};

void describeCaller(napi_env env, napi_value event, const Caller& caller) {
  node::set(env, event, "pid", node::number(env, caller.process));
  node::set(env, event, "executable", node::string(env, caller.executable));
}

void describeAddress(napi_env env, napi_value event, const Address& address) {
  socket::Spelling spelling = socket::spell(address);
  node::set(env, event, "address", node::string(env, spelling.host));
  node::set(env, event, "port", node::number(env, spelling.port));
}

}  // namespace

std::vector<Trap> ListenHandler::traps() const { return {{.number = SYS_listen}}; }

void ListenHandler::handle(std::shared_ptr<Notification> call) {
  Descriptor listener = call->fetch(call->descriptorArgument(0));
  if (!listener) {
    // The program's own mistake, or something that we must not let pass unseen.
    if (errno == EBADF)
      call->fail(EBADF);
    // Over: nobody waits for an answer.
    else if (errno != ESRCH)
      refuse(*call, EACCES, "the socket cannot be looked at");
    return;
  }
  if (!isSocket(listener.number())) {
    call->fail(ENOTSOCK);
    return;
  }
  switch (kindOf(listener.number())) {
    case Kind::other:
      listener.reset();
      call->proceed();
      return;
    case Kind::unsupported:
      errno = 0;
      refuse(*call, EACCES, "it is no TCP socket");
      return;
    case Kind::tcp:
      break;
  }
  if (PrivateNetwork::instance().contains(listener.number())) {
    // It listens already, with room enough.
    listener.reset();
    call->finish(0);
    return;
  }
  decide(std::move(call), std::move(listener));
}

// What follows lets go of every duplicate of the program's socket before it answers: the program may close its own and
// take the port again in the next moment.
void ListenHandler::decide(std::shared_ptr<Notification> call, Descriptor listener) {
  if (!hasAddress(listener.number())) {
    call->fail(errno);
    return;
  }
  Address address = localAddressOf(listener.number());
  double owner = ownerOf(listener.number());
  Caller caller(call->task());
  auto describe = [caller, address, owner](napi_env env, napi_value event) {
    describeCaller(env, event, caller);
    describeAddress(env, event, address);
    node::set(env, event, "owner", node::number(env, owner));
  };
  auto model = std::make_shared<Descriptor>(std::move(listener));
  questions_.ask("listen", describe, [this, call, model](const node::Fields& answer) -> Job {
    std::string action = answer.text("action");
    int error = static_cast<int>(answer.integer("errno", EACCES));
    double id = static_cast<double>(answer.integer("listener", 0));
    if (action == "plain") {
      return [call, model] {
        int backlog = call->descriptorArgument(1);
        int failure = ::listen(model->number(), backlog) == 0 ? 0 : errno;
        model->reset();
        if (failure == 0)
          call->finish(0);
        else
          call->fail(failure);
      };
    }
    if (action != "wrap") return [call, error] { call->fail(error); };
    return [this, call, model, id] {
      if (!wrap(*call, std::move(*model), id)) {
        questions_.tell("forgone", [id](napi_env env, napi_value event) {
          node::set(env, event, "listener", node::number(env, id));
        });
      }
    };
  });
}

bool ListenHandler::wrap(Notification& call, Descriptor listener, double id) {
  // Two processes may be at it with the same socket.
  std::lock_guard lock(wrapping_);
  int model = listener.number();
  uint64_t bound = cookieOf(model);
  if (Descriptor shared = SharedListeners::instance().find(bound)) {
    bool replaced = replaceEverywhere(call, model, shared.number());
    listener.reset();
    shared.reset();
    if (replaced)
      call.finish(0);
    else
      refuse(call, EACCES, "the socket, or what watches it, cannot be replaced");
    return false;
  }
  // Clients would come to us here, and not where the program is.
  if (networkOf(model) != gate::ownNetwork()) {
    errno = 0;
    refuse(call, EACCES,
           "it is in another network namespace than wrap, which has to be started there");
    return false;
  }
  Descriptor outside = listenInPlaceOf(model);
  if (!outside) {
    call.fail(errno);
    return false;
  }
  Descriptor inside = listenInside(model);
  if (!inside) {
    refuse(call, errno, "there is no listener in its place");
    return false;
  }
  if (!replaceEverywhere(call, model, inside.number())) {
    refuse(call, EACCES, "the socket, or what watches it, cannot be replaced");
    return false;
  }
  // JavaScript's numbers are exact up to 53 bits; cookies are counted from 1.
  auto cookie = static_cast<double>(cookieOf(inside.number()));
  WrappedPorts::instance().add(portOf(localAddressOf(outside.number())));
  SharedListeners::instance().add(bound, outside.number(), inside.number());
  int fd = outside.release();
  questions_.tell("listening", [fd, id, cookie](napi_env env, napi_value event) {
    node::set(env, event, "listener", node::number(env, id));
    node::set(env, event, "fd", node::number(env, fd));
    node::set(env, event, "cookie", node::number(env, cookie));
  });
  listener.reset();
  inside.reset();
  call.finish(0);
  return true;
}

void ListenHandler::refuse(Notification& call, int error, const char* reason) {
  tellRefused(questions_, call.task(), "listen", reason, errno);
  call.fail(error);
}

}  // namespace tlspool::supervisor
