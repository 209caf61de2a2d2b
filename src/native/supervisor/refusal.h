// What TypeScript is told when a call of the program is refused.
#pragma once

#include "supervisor/questions.h"
#include "supervisor/task.h"

namespace tlspool::supervisor {

/// Event "refused".
/// @param call its name; a literal, as is the reason
/// @param cause errno of what kept it from being supervised
void tellRefused(Questions& questions, const Task& task, const char* call, const char* reason,
                 int cause);

}  // namespace tlspool::supervisor
