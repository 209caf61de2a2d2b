#include "engine/client-sessions.h"

namespace tlspool::engine {

void ClientSessions::put(const std::string& serverName, Entry entry) {
  Key key(entry.resumption.context, serverName);
  std::lock_guard lock(mutex_);
  if (byKey_.count(key) >= kMostPerKey) erase(byKey_.lower_bound(key));
  if (byAge_.size() >= kMost) {
    auto [at, end] = byKey_.equal_range(byAge_.back().key);
    while (at != end && &*at->second != &byAge_.back()) ++at;
    erase(at);
  }
  byAge_.push_front({key, std::move(entry)});
  byKey_.emplace(key, byAge_.begin());
}

ClientSessions::Entry ClientSessions::take(const std::string& serverName,
                                           const ResumptionContext& context, int64_t now) {
  std::lock_guard lock(mutex_);
  for (;;) {
    auto [at, end] = byKey_.equal_range({context, serverName});
    if (at == end) return {};
    auto newest = std::prev(end);
    Entry entry = std::move(newest->second->entry);
    erase(newest);
    bool usable = SSL_SESSION_is_resumable(entry.session.get()) &&
                  entry.resumption.holdsFor(context, PeerDemand::kRequire, now);
    if (usable) return entry;
  }
}

void ClientSessions::forget() {
  std::lock_guard lock(mutex_);
  byKey_.clear();
  byAge_.clear();
}

void ClientSessions::erase(std::multimap<Key, Place>::iterator at) {
  byAge_.erase(at->second);
  byKey_.erase(at);
}

}  // namespace tlspool::engine
