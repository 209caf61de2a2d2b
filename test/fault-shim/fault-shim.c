// A PKCS #11 module that forwards to another one and gets in the way: it delays calls, makes them
// fail, runs out of sessions, loses its token, or asks for the PIN at each signature. For tests and
// measurements.
//
//   FAULT_SHIM_MODULE     the module behind it; SoftHSM by default
//   FAULT_SHIM_DELAY      microseconds that each C_Sign takes longer
//   FAULT_SHIM_CONTROL    a file of orders, read again whenever another file is renamed to it
//   FAULT_SHIM_LOG        a file to which the name of each call is appended, one a line
//   FAULT_SHIM_PIN        the PIN that signatures ask for under `always-authenticate`
//   FAULT_SHIM_SANITIZED  set where RTLD_DEEPBIND does not work
//
// Orders, one a line:
//   delay FUNCTION MICROSECONDS   each call
//   fail FUNCTION VALUE COUNT     the next COUNT calls answer VALUE (hexadecimal) and do nothing
//   sessions COUNT                no more open at once: CKR_SESSION_COUNT
//   hide MECHANISM                not listed (hexadecimal)
//   flags VALUE                   added to CK_TOKEN_INFO.flags (hexadecimal)
//   absent                        no slot has a token, and sessions answer CKR_DEVICE_REMOVED
//   always-authenticate           keys have CKA_ALWAYS_AUTHENTICATE and mean it
//   no-mechanisms-allowed         keys have an empty CKA_ALLOWED_MECHANISMS
#include <dlfcn.h>
#include <fcntl.h>
#include <p11-kit/pkcs11.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST = 16 };

struct order {
  char function[40];
  unsigned long value;
  long count;
};

struct orders {
  struct order delays[MOST], failures[MOST];
  int delay_count, failure_count;
  unsigned long hidden[MOST];
  int hidden_count;
  long sessions;  // -1: as many as the token bears
  CK_FLAGS flags;
  bool absent, always_authenticate, no_mechanisms_allowed;
};

static struct orders orders;

static CK_FUNCTION_LIST* behind;
static CK_FUNCTION_LIST list;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct stat read_from;
static long open_sessions;
static int log_file = -1;
static unsigned sign_delay;

/// Sessions whose signature was begun and awaits CKU_CONTEXT_SPECIFIC.
static CK_SESSION_HANDLE unproven[256];

static void obey(struct orders* fresh, const char* line) {
  char function[40];
  unsigned long value;
  long count;
  if (sscanf(line, "delay %39s %lu", function, &value) == 2 && fresh->delay_count < MOST) {
    struct order* each = &fresh->delays[fresh->delay_count++];
    strcpy(each->function, function);
    each->value = value;
  } else if (sscanf(line, "fail %39s %lx %ld", function, &value, &count) == 3 &&
             fresh->failure_count < MOST) {
    struct order* each = &fresh->failures[fresh->failure_count++];
    strcpy(each->function, function);
    each->value = value;
    each->count = count;
  } else if (sscanf(line, "hide %lx", &value) == 1 && fresh->hidden_count < MOST) {
    fresh->hidden[fresh->hidden_count++] = value;
  } else if (sscanf(line, "sessions %ld", &count) == 1) {
    fresh->sessions = count;
  } else if (sscanf(line, "flags %lx", &value) == 1) {
    fresh->flags = value;
  } else if (!strncmp(line, "absent", 6)) {
    fresh->absent = true;
  } else if (!strncmp(line, "always-authenticate", 19)) {
    fresh->always_authenticate = true;
  } else if (!strncmp(line, "no-mechanisms-allowed", 21)) {
    fresh->no_mechanisms_allowed = true;
  } else {
    fprintf(stderr, "fault-shim: not an order: %s", line);
    abort();
  }
}

/// With the mutex held.
static void read_orders(void) {
  const char* path = getenv("FAULT_SHIM_CONTROL");
  struct stat now;
  if (!path || stat(path, &now) != 0) return;
  if (now.st_ino == read_from.st_ino && now.st_mtim.tv_sec == read_from.st_mtim.tv_sec &&
      now.st_mtim.tv_nsec == read_from.st_mtim.tv_nsec) {
    return;
  }
  read_from = now;
  orders = (struct orders){.sessions = -1};
  FILE* file = fopen(path, "re");
  char line[128];
  while (file && fgets(line, sizeof line, file)) obey(&orders, line);
  if (file) fclose(file);
}

/// What every call goes through first: what it shall answer, or CKR_OK to go on.
static CK_RV meet(const char* function) {
  unsigned long delay = !strcmp(function, "C_Sign") ? sign_delay : 0;
  CK_RV rv = CKR_OK;
  pthread_mutex_lock(&mutex);
  if (log_file >= 0) {
    char line[48];
    const int length = snprintf(line, sizeof line, "%s\n", function);
    if (write(log_file, line, (size_t)length) != length) abort();
  }
  read_orders();
  for (int i = 0; i < orders.delay_count; i++) {
    if (!strcmp(orders.delays[i].function, function)) delay = orders.delays[i].value;
  }
  for (int i = 0; i < orders.failure_count && rv == CKR_OK; i++) {
    struct order* each = &orders.failures[i];
    if (strcmp(each->function, function) || each->count <= 0) continue;
    each->count--;
    rv = each->value;
  }
  pthread_mutex_unlock(&mutex);
  if (delay) usleep((useconds_t)delay);
  return rv;
}

static struct orders current(void) {
  pthread_mutex_lock(&mutex);
  const struct orders copy = orders;
  pthread_mutex_unlock(&mutex);
  return copy;
}

/// The same for calls that need a token in its slot.
static CK_RV meet_token(const char* function) {
  const CK_RV rv = meet(function);
  return rv == CKR_OK && current().absent ? CKR_DEVICE_REMOVED : rv;
}

static CK_RV initialize(void* arguments) {
  const CK_RV rv = meet("C_Initialize");
  return rv ? rv : behind->C_Initialize(arguments);
}

static CK_RV finalize(void* reserved) {
  const CK_RV rv = meet("C_Finalize");
  pthread_mutex_lock(&mutex);
  open_sessions = 0;
  pthread_mutex_unlock(&mutex);
  return rv ? rv : behind->C_Finalize(reserved);
}

static CK_RV get_slot_list(CK_BBOOL present, CK_SLOT_ID* slots, CK_ULONG* count) {
  const CK_RV rv = meet("C_GetSlotList");
  if (rv) return rv;
  if (!current().absent) return behind->C_GetSlotList(present, slots, count);
  *count = 0;
  return CKR_OK;
}

static CK_RV get_token_info(CK_SLOT_ID slot, CK_TOKEN_INFO* info) {
  CK_RV rv = meet_token("C_GetTokenInfo");
  if (!rv) rv = behind->C_GetTokenInfo(slot, info);
  if (!rv) info->flags |= current().flags;
  return rv;
}

static CK_RV get_mechanism_list(CK_SLOT_ID slot, CK_MECHANISM_TYPE* mechanisms, CK_ULONG* count) {
  CK_RV rv = meet_token("C_GetMechanismList");
  if (!rv) rv = behind->C_GetMechanismList(slot, mechanisms, count);
  if (rv || !mechanisms) return rv;
  const struct orders now = current();
  CK_ULONG kept = 0;
  for (CK_ULONG i = 0; i < *count; i++) {
    bool hide = false;
    for (int k = 0; k < now.hidden_count; k++) hide |= mechanisms[i] == now.hidden[k];
    if (!hide) mechanisms[kept++] = mechanisms[i];
  }
  *count = kept;
  return CKR_OK;
}

static CK_RV open_session(CK_SLOT_ID slot, CK_FLAGS flags, void* application, CK_NOTIFY notify,
                          CK_SESSION_HANDLE* session) {
  CK_RV rv = meet_token("C_OpenSession");
  if (rv) return rv;
  pthread_mutex_lock(&mutex);
  const bool room = orders.sessions < 0 || open_sessions < orders.sessions;
  if (room) open_sessions++;
  pthread_mutex_unlock(&mutex);
  if (!room) return CKR_SESSION_COUNT;
  rv = behind->C_OpenSession(slot, flags, application, notify, session);
  if (rv) {
    pthread_mutex_lock(&mutex);
    open_sessions--;
    pthread_mutex_unlock(&mutex);
  }
  return rv;
}

/// A token that is pulled takes its sessions along, whatever is said of them.
static CK_RV close_session(CK_SESSION_HANDLE session) {
  CK_RV rv = meet("C_CloseSession");
  if (!rv) rv = behind->C_CloseSession(session);
  if (rv) return rv;
  pthread_mutex_lock(&mutex);
  open_sessions--;
  pthread_mutex_unlock(&mutex);
  return current().absent ? CKR_DEVICE_REMOVED : CKR_OK;
}

static CK_RV get_session_info(CK_SESSION_HANDLE session, CK_SESSION_INFO* info) {
  const CK_RV rv = meet_token("C_GetSessionInfo");
  return rv ? rv : behind->C_GetSessionInfo(session, info);
}

/// Replaces one value by another in the list of sessions that must prove themselves.
static bool replace_unproven(CK_SESSION_HANDLE from, CK_SESSION_HANDLE to) {
  bool found = false;
  pthread_mutex_lock(&mutex);
  for (size_t i = 0; i < sizeof unproven / sizeof *unproven && !found; i++) {
    if (unproven[i] != from) continue;
    unproven[i] = to;
    found = true;
  }
  pthread_mutex_unlock(&mutex);
  return found;
}

/// A log-in of its own proves the PIN to the module behind, which has no such keys.
static CK_RV prove(CK_SESSION_HANDLE session, CK_UTF8CHAR* pin, CK_ULONG length) {
  const char* right = getenv("FAULT_SHIM_PIN");
  if (!right || strlen(right) != length || memcmp(right, pin, length)) return CKR_PIN_INCORRECT;
  return replace_unproven(session, 0) ? CKR_OK : CKR_OPERATION_NOT_INITIALIZED;
}

static CK_RV login(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR* pin,
                   CK_ULONG length) {
  const CK_RV rv = meet_token("C_Login");
  if (rv) return rv;
  if (user == CKU_CONTEXT_SPECIFIC) return prove(session, pin, length);
  return behind->C_Login(session, user, pin, length);
}

static CK_RV logout(CK_SESSION_HANDLE session) {
  const CK_RV rv = meet_token("C_Logout");
  return rv ? rv : behind->C_Logout(session);
}

static CK_RV find_objects_init(CK_SESSION_HANDLE session, CK_ATTRIBUTE* pattern, CK_ULONG count) {
  const CK_RV rv = meet_token("C_FindObjectsInit");
  return rv ? rv : behind->C_FindObjectsInit(session, pattern, count);
}

static CK_RV get_attribute_value(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                                 CK_ATTRIBUTE* attributes, CK_ULONG count) {
  const CK_RV rv = meet_token("C_GetAttributeValue");
  if (rv) return rv;
  const CK_ATTRIBUTE_TYPE type = count == 1 ? attributes->type : 0;
  if (type == CKA_ALWAYS_AUTHENTICATE && current().always_authenticate) {
    // Without room for it, the caller asks for the length first.
    if (attributes->pValue) *(CK_BBOOL*)attributes->pValue = CK_TRUE;
    attributes->ulValueLen = sizeof(CK_BBOOL);
    return CKR_OK;
  }
  if (type == CKA_ALLOWED_MECHANISMS && current().no_mechanisms_allowed) {
    attributes->ulValueLen = 0;
    return CKR_OK;
  }
  return behind->C_GetAttributeValue(session, object, attributes, count);
}

static CK_RV sign_init(CK_SESSION_HANDLE session, CK_MECHANISM* mechanism, CK_OBJECT_HANDLE key) {
  CK_RV rv = meet_token("C_SignInit");
  if (!rv) rv = behind->C_SignInit(session, mechanism, key);
  if (!rv && current().always_authenticate) replace_unproven(0, session);
  return rv;
}

static CK_RV sign(CK_SESSION_HANDLE session, CK_BYTE* data, CK_ULONG size, CK_BYTE* signature,
                  CK_ULONG* signature_size) {
  const CK_RV rv = meet_token("C_Sign");
  if (rv) return rv;
  if (replace_unproven(session, 0)) return CKR_USER_NOT_LOGGED_IN;
  return behind->C_Sign(session, data, size, signature, signature_size);
}

__attribute__((visibility("default"))) CK_RV C_GetFunctionList(CK_FUNCTION_LIST** functions) {
  if (!behind) {
    const char* path = getenv("FAULT_SHIM_MODULE");
    // Its own libcrypto, not the one that node exports; sanitizers do not have the flag.
    int flags = RTLD_NOW | RTLD_LOCAL;
    if (!getenv("FAULT_SHIM_SANITIZED")) flags |= RTLD_DEEPBIND;
    void* module = dlopen(path ? path : "/usr/lib/softhsm/libsofthsm2.so", flags);
    CK_C_GetFunctionList get =
        module ? (CK_C_GetFunctionList)dlsym(module, "C_GetFunctionList") : NULL;
    if (!get || get(&behind) != CKR_OK) return CKR_GENERAL_ERROR;

    orders.sessions = -1;
    const char* delay = getenv("FAULT_SHIM_DELAY");
    if (delay) sign_delay = (unsigned)atoi(delay);
    const char* log = getenv("FAULT_SHIM_LOG");
    if (log) log_file = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

    list = *behind;
    list.C_GetFunctionList = C_GetFunctionList;
    list.C_Initialize = initialize;
    list.C_Finalize = finalize;
    list.C_GetSlotList = get_slot_list;
    list.C_GetTokenInfo = get_token_info;
    list.C_GetMechanismList = get_mechanism_list;
    list.C_OpenSession = open_session;
    list.C_CloseSession = close_session;
    list.C_GetSessionInfo = get_session_info;
    list.C_Login = login;
    list.C_Logout = logout;
    list.C_FindObjectsInit = find_objects_init;
    list.C_GetAttributeValue = get_attribute_value;
    list.C_SignInit = sign_init;
    list.C_Sign = sign;
  }
  *functions = &list;
  return CKR_OK;
}
