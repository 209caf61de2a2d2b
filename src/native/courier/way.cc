#include "courier/way.h"

#include <uv.h>

#include <cerrno>
#include <utility>

#include "supervisor/likeness.h"

namespace tlspool::courier {

namespace {

class WayInside : public Way {
 public:
  explicit WayInside(int accepted) : path_(supervisor::pathOf(accepted)) {}

  socket::Connection connect() override {
    if (!isWithoutClient()) return supervisor::connectInside(path_);
    errno = ENOTCONN;
    return {};
  }

  Failure failure(int error) const override {
    if (isWithoutClient()) return {ECANCELED, "client-gone", "the client went away"};
    if (error == ECONNREFUSED)
      return {ECANCELED, kUnreachable, "the program does not listen any more"};
    return {error, kUnreachable, "no connection to the program"};
  }

  Failure late() const override {
    return {ETIMEDOUT, kUnreachable, "the program takes no connection"};
  }

  /// Within this machine.
  std::chrono::milliseconds patience() const override { return std::chrono::seconds(10); }

 private:
  static constexpr const char* kUnreachable = "program-unreachable";

  bool isWithoutClient() const { return path_.client.length == 0; }

  supervisor::Path path_;
};

struct Target {
  socket::Address address;
  std::string name;
};

/// Says the same as src/core/tunnel/target.ts.
class WayTo : public Way {
 public:
  explicit WayTo(std::shared_ptr<const Target> target) : target_(std::move(target)) {}

  socket::Connection connect() override { return socket::connectNow(target_->address); }

  Failure failure(int error) const override {
    return {ECANCELED, "target-unreachable",
            "cannot connect to " + target_->name + ": " + uv_strerror(-error)};
  }

  Failure late() const override {
    return {ECANCELED, "target-timeout", "no connection to " + target_->name + " in time"};
  }

  std::chrono::milliseconds patience() const override { return std::chrono::seconds(30); }

 private:
  std::shared_ptr<const Target> target_;
};

}  // namespace

Ways waysInside() {
  return [](int accepted) { return std::make_unique<WayInside>(accepted); };
}

Ways waysTo(const socket::Address& address, std::string name) {
  auto target = std::make_shared<const Target>(address, std::move(name));
  return [target](int) { return std::make_unique<WayTo>(target); };
}

}  // namespace tlspool::courier
