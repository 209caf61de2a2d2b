// How the launcher fails.
#pragma once

enum { kOurFailure = 125, kCannotExecute = 126, kNotFound = 127 };

// `tlspool wrap: WHAT WHICH: WHY` on stderr, parts that are NULL left out; ends the process.
void fail(int code, const char* what, const char* which, const char* why) __attribute__((noreturn));
