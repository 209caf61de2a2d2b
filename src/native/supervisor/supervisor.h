// Watches over one program and all that it starts: receives its trapped system calls on a thread
// that does nothing else, and has them handled on others.
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "socket/descriptor.h"
#include "supervisor/handler.h"
#include "supervisor/questions.h"

namespace tlspool::supervisor {

class Supervisor {
 public:
  /// The threads keep it alive until the last task under the filter is gone; nullptr with errno if
  /// there are no means for them.
  /// @param channel the filter's notification descriptor
  static std::shared_ptr<Supervisor> start(int64_t id, socket::Descriptor channel);

  Questions& questions() { return questions_; }

 private:
  Supervisor(int64_t id, socket::Descriptor channel);

  void receive();
  void work();
  void run(Job job);
  void dispatch(std::shared_ptr<Notification> call);
  void refuseForeign(Notification& call);
  void stop();
  void end();

  std::shared_ptr<const socket::Descriptor> channel_;
  Questions questions_;
  std::vector<std::unique_ptr<Handler>> handlers_;
  std::map<int, std::vector<Handler*>> byNumber_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> jobs_;
  bool ended_ = false;
};

}  // namespace tlspool::supervisor
