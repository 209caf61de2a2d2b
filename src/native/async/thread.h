// Threads that nobody waits for.
#pragma once

#include <functional>

namespace tlspool::async {

/// Runs it on a thread of its own; false with errno if there are no means for one, where
/// std::thread would throw, and so end the process.
bool runApart(std::function<void()> work);

}  // namespace tlspool::async
