#include "supervisor/refusal.h"

#include <string>

#include "node/values.h"

namespace tlspool::supervisor {

void tellRefused(Questions& questions, const Task& task, const char* call, const char* reason,
                 int cause) {
  // Looked at while the call waits: afterwards the program may be gone.
  pid_t process = task.process();
  std::string executable = task.executable();
  questions.tell("refused", [=](napi_env env, napi_value event) {
    node::set(env, event, "pid", node::number(env, process));
    node::set(env, event, "executable", node::string(env, executable));
    node::set(env, event, "call", node::string(env, call));
    node::set(env, event, "reason", node::string(env, reason));
    node::set(env, event, "errno", node::number(env, cause));
  });
}

}  // namespace tlspool::supervisor
