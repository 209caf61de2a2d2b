// The sizes and times by which the engine is bounded.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tlspool::engine {

/// Bytes that one system call moves at most; the buffers for it are shared by all sessions of a
/// thread.
constexpr size_t kStage = 256 * 1024;
/// A session starts with this much per call; it doubles while the calls fill it and shrinks when
/// the other side does not take what was read, so that a slow reader costs little.
constexpr size_t kSmallestBurst = 16 * 1024;
/// Bytes that one session moves in one direction before others get their turn.
constexpr size_t kTurn = 1024 * 1024;
/// ms that we wait for a peer's end of stream after ours, and bytes that we throw away meanwhile,
/// so that closing does not reset the connection under our last bytes.
constexpr uint64_t kLingerTime = 2000;
constexpr size_t kLingerBytes = 1024 * 1024;
/// ms that a program has to take what came for it from a connection that was cut off, before it is reset.
constexpr uint64_t kResetPatience = 30'000;
/// Post-handshake messages (KeyUpdate, tickets, attempts to renegotiate) that a peer may send at
/// once; one more is allowed per second.
constexpr uint32_t kPostHandshakeBurst = 32;
/// Datagrams that one session moves in one direction, or throws away, before others get their turn.
constexpr size_t kDatagramsPerTurn = 256;
/// ms for which a peer's host must say that nobody has its port before it is believed.
constexpr uint64_t kRefusalsBorne = 5000;
/// ms between two of them that make them two matters.
constexpr uint64_t kRefusalsApart = 60'000;
/// Handshakes of one thread that may be parked on a stack of their own at a time; more wait in
/// line.
constexpr size_t kParkedPerThread = 1024;

/// What can be told at start; the values here are the defaults.
struct Limits {
  /// Records after which we change our sending key: half of what RFC 8446 section 5.5 allows
  /// AES-GCM.
  uint64_t keyUpdateRecords = uint64_t{1} << 23;
};

}  // namespace tlspool::engine
