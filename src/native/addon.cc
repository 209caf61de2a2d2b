// The addon's face to Node: each part adds its own functions to `exports`.
#include <openssl/opensslv.h>

#include "courier/binding.h"
#include "departure/binding.h"
#include "engine/binding.h"
#include "gate/binding.h"
#include "node/event.h"
#include "node/values.h"
#include "process/binding.h"
#ifdef TLSPOOL_SANITIZE
#include "sanitizer/seeded-faults.h"
#endif
#include "socket/binding.h"
#include "supervisor/binding.h"
#include "token/binding.h"

static_assert(OPENSSL_VERSION_MAJOR == 3 && OPENSSL_VERSION_MINOR >= 5,
              "the engine needs the OpenSSL 3.5 headers that come with the pinned Node runtime");

NAPI_MODULE_INIT() {
  tlspool::node::registerEvents(env, exports);
  tlspool::socket::registerBinding(env, exports);
  tlspool::process::registerBinding(env, exports);
  tlspool::token::registerBinding(env, exports);
  tlspool::engine::registerBinding(env, exports);
  tlspool::supervisor::registerBinding(env, exports);
  tlspool::gate::registerBinding(env, exports);
  tlspool::courier::registerBinding(env, exports);
  tlspool::departure::registerBinding(env, exports);
#ifdef TLSPOOL_SANITIZE
  tlspool::sanitizer::registerSeededFaults(env, exports);
#endif
  return exports;
}
