// Every handler there is.
#pragma once

#include <linux/filter.h>

#include <memory>
#include <vector>

#include "supervisor/handler.h"
#include "supervisor/questions.h"

namespace tlspool::supervisor {

std::vector<std::unique_ptr<Handler>> makeHandlers(Questions& questions);

/// The filter of them all, as the launcher installs it.
/// @param names with the traps for names (Trap::forNames)
std::vector<sock_filter> filterOfHandlers(bool names);

}  // namespace tlspool::supervisor
