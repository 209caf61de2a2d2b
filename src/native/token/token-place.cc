// Where a token is: in which slot of which module, and what is found anew after it was gone.
#include <algorithm>

#include "token/module-descriptors.h"
#include "token/own-values.h"
#include "token/token.h"

namespace tlspool::token {

namespace {

std::vector<CK_SLOT_ID> slotsWithTokens(Module::Pass& module) {
  CK_ULONG count = 0;
  if (module->C_GetSlotList(CK_TRUE, nullptr, &count) != CKR_OK) return {};
  std::vector<CK_SLOT_ID> slots(count + 8);  // some may come meanwhile
  count = slots.size();
  if (module->C_GetSlotList(CK_TRUE, slots.data(), &count) != CKR_OK) return {};
  slots.resize(count);
  return slots;
}

/// Sorted; empty if the token does not tell.
std::vector<CK_MECHANISM_TYPE> mechanismsOf(Module::Pass& module, CK_SLOT_ID slot) {
  CK_ULONG count = 0;
  if (module->C_GetMechanismList(slot, nullptr, &count) != CKR_OK) return {};
  std::vector<CK_MECHANISM_TYPE> mechanisms(count);
  if (module->C_GetMechanismList(slot, mechanisms.data(), &count) != CKR_OK) return {};
  mechanisms.resize(count);
  std::sort(mechanisms.begin(), mechanisms.end());
  return mechanisms;
}

}  // namespace

bool Place::does(CK_MECHANISM_TYPE mechanism) const {
  return !mechanisms || mechanisms->empty() ||
         std::binary_search(mechanisms->begin(), mechanisms->end(), mechanism);
}

Place Token::place() {
  const auto known = [this]() -> Place {
    std::lock_guard lock(mutex_);
    Place result = place_;
    result.epoch = epoch_;
    result.keyEpoch = keyEpoch_;
    return result;
  };
  Place now = known();
  if (now.module) return now;

  std::lock_guard lookout(locating_);
  now = known();
  if (now.module) return now;
  Place found = locate();
  std::lock_guard lock(mutex_);
  if (epoch_ == now.epoch && found.module) place_ = found;
  found.epoch = now.epoch;
  found.keyEpoch = keyEpoch_;
  return found;
}

Place Token::locate() {
  Place place;
  for (const auto& module : Module::all()) {
    Module::Pass pass(*module);
    ModuleDescriptors descriptors;
    for (const CK_SLOT_ID slot : slotsWithTokens(pass)) {
      CK_TOKEN_INFO info{};
      if (pass->C_GetTokenInfo(slot, &info) != CKR_OK) continue;
      if (!(info.flags & CKF_TOKEN_INITIALIZED)) continue;
      if (!attributes_.match(info, module->info())) continue;
      if (place.module) {
        place = {};
        place.absence = kTokenAmbiguous;
        return place;
      }
      place.module = module;
      place.generation = pass.generation();
      place.slot = slot;
      place.loginRequired = info.flags & CKF_LOGIN_REQUIRED;
      place.mechanisms =
          std::make_shared<const std::vector<CK_MECHANISM_TYPE>>(mechanismsOf(pass, slot));
      noteInfo(info);
    }
  }
  return place;
}

void Token::noteInfo(const CK_TOKEN_INFO& info) {
  std::lock_guard lock(mutex_);
  info_ = info;
  located_ = true;
  // Sessions of other programs are not in it: they show as CKR_SESSION_COUNT in time.
  const bool bounded = info.ulMaxSessionCount != CK_EFFECTIVELY_INFINITE &&
                       info.ulMaxSessionCount != CK_UNAVAILABLE_INFORMATION;
  sessionLimit_ =
      bounded ? static_cast<unsigned>(std::min<CK_ULONG>(info.ulMaxSessionCount, ~0U)) : ~0U;
}

uint64_t Token::keyEpoch() {
  std::lock_guard lock(mutex_);
  return keyEpoch_;
}

void Token::renew(uint64_t epoch) {
  std::lock_guard lock(mutex_);
  if (epoch_ != epoch) return;
  epoch_++;
  keyEpoch_++;
  place_ = {};
}

bool Token::revive() {
  std::vector<std::shared_ptr<Module>> candidates;
  uint64_t epoch;
  {
    std::lock_guard lock(mutex_);
    if (place_.module) candidates.push_back(place_.module);
    epoch = epoch_;
  }
  if (candidates.empty()) candidates = Module::all();

  bool revived = false;
  for (const auto& module : candidates) {
    if (!module->revivable()) continue;
    const uint64_t generation = module->generation();
    bool needed = false;  // as it is, by a token whose log-in only a person can repeat
    for (const auto& other : all()) {
      if (other.get() == this) continue;
      std::lock_guard lock(other->mutex_);
      needed |= other->place_.module == module && other->state_ == TokenState::ready &&
                !other->repeatable_;
    }
    revived |= !needed && module->revive(generation);
  }
  if (revived) renew(epoch);
  return revived;
}

}  // namespace tlspool::token
