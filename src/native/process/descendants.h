// Processes that descend from ours.
#pragma once

#include <sys/types.h>

#include <set>

namespace tlspool::process {

/// From now on whoever descends from us and loses its parent becomes a child of ours (prctl(2),
/// PR_SET_CHILD_SUBREAPER). False with errno.
bool keepDescendants();

/// SIGKILL for our children and all below them. What was being started meanwhile the next call
/// finds.
/// @param spared children that are left alone, with all below them
/// @return how many were found
int killDescendants(const std::set<pid_t>& spared);

}  // namespace tlspool::process
