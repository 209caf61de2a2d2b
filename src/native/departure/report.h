// What becomes of departures, as TypeScript is told (src/core/wrap/client/departures.ts).
#pragma once

#include <cstdint>

#include "courier/report.h"

namespace tlspool::departure {

/// `{ type: 'departure', departures, number, kind, met, …description }`. Any thread.
/// @param number 0: it is about none
/// @param kind a literal
/// @param met whether the program has its connection
/// @param urgent false: it may go along with what is told next (node::queueEvent)
void report(int64_t departures, int64_t number, const char* kind, bool met, bool urgent,
            courier::Describe describe = nullptr);

}  // namespace tlspool::departure
