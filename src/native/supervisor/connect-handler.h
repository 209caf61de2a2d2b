// connect(2): what leads to a server over TCP, and what resolves names, is TypeScript's to decide
// ("connect", "resolve"); everything else is the kernel's. A connection that is to stay plain is
// begun here, so that it leads where was decided about. MPTCP sockets that are to be wrapped
// become TCP ones: two ends of an MPTCP connection cannot meet by a simultaneous open.
//
// bind(2) of a UDP socket without a port is how some resolvers begin ("bind"), and sendto(2)
// without connect(2) is how some ask ("resolve" too).
#pragma once

#include <optional>

#include "supervisor/handler.h"
#include "supervisor/questions.h"

namespace tlspool::supervisor {

class ConnectHandler : public Handler {
 public:
  explicit ConnectHandler(Questions& questions) : questions_(questions) {}

  std::vector<Trap> traps() const override;
  bool wants(const Notification& call) override;
  void handle(std::shared_ptr<Notification> call) override;

 private:
  void connecting(std::shared_ptr<Notification> call, socket::Descriptor socket);
  void dissolve(Notification& call, socket::Descriptor socket, const socket::Address& address);
  void connectAsJudged(Notification& call, uint64_t cookie,
                       const std::optional<socket::Address>& address);
  void binding(std::shared_ptr<Notification> call, socket::Descriptor socket);
  void sending(std::shared_ptr<Notification> call, socket::Descriptor socket);
  void ask(const char* kind, std::shared_ptr<Notification> call, socket::Descriptor socket,
           const socket::Address& address);
  void replaceByTcp(std::shared_ptr<Notification> call);
  void substitute(std::shared_ptr<Notification> call, const socket::Descriptor& fresh);
  void refuse(Notification& call, int error, const char* reason);

  Questions& questions_;
};

}  // namespace tlspool::supervisor
