// Sessions that servers let us resume, by context and server name. A ticket is used once only, so
// that connections cannot be linked by it (RFC 8446 appendix C.4). The least recently added one
// goes first when there are too many.
#pragma once

#include <list>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "engine/openssl-pointers.h"
#include "engine/resumption.h"

namespace tlspool::engine {

class ClientSessions {
 public:
  struct Entry {
    TlsSessionPointer session;
    Resumption resumption;
  };

  void put(const std::string& serverName, Entry entry);
  /// The newest one whose verdict holds; it is no longer here afterwards. Empty if there is none.
  Entry take(const std::string& serverName, const ResumptionContext& context, int64_t now);
  void forget();

 private:
  using Key = std::pair<ResumptionContext, std::string>;
  struct Kept {
    Key key;
    Entry entry;
  };
  using Place = std::list<Kept>::iterator;

  void erase(std::multimap<Key, Place>::iterator at);

  static constexpr size_t kMost = 1024;
  static constexpr size_t kMostPerKey = 4;

  std::mutex mutex_;
  std::list<Kept> byAge_;  // newest first
  std::multimap<Key, Place> byKey_;
};

}  // namespace tlspool::engine
