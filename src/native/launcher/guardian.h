// Keeps the program and all that it starts from outliving wrap: nothing may run on unsupervised.
#pragma once

#include <sys/types.h>

// Returns in a child, which is to become the program; signals are as they were.
//
// The calling process stays: whatever descends from the child becomes its own when its parent ends
// (PR_SET_CHILD_SUBREAPER). It passes on to the child what signals `parent` sends it, and ends as
// the child did, once all are gone. When `parent` dies it kills them all.
void guard(pid_t parent);
