import type { OnTheFlySigner } from '../authority/on-the-fly.ts';
import { facilities } from '../protocol/flags.ts';
import type { LogLevel } from '../telemetry/log.ts';
import { Pkcs11UriError, parsePkcs11Uri } from '../token/uri.ts';
import { ConfigError } from './conf-file.ts';
import type { Draft, TokenSettings } from './settings.ts';
import { validationKeys } from './validation-keys.ts';
import { absolutePath, count, duration, fileMode, groupId, userId, yes } from './values.ts';

/** What a key of the configuration does. */
export type KeyRule =
  | { readonly kind: 'honoured'; readonly apply: (value: string, draft: Draft) => void }
  /** A key of the original that means nothing here; the reason says what replaces it. */
  | { readonly kind: 'refused'; readonly reason: string };

/** Every key there is: the original's, and our own. */
export const keys: ReadonlyMap<string, KeyRule> = new Map(
  Object.entries({
    daemon_pidfile: set('pidFile', absolutePath),
    daemon_user: honour((value) => requireSelf(userId(value), process.geteuid?.(), 'User=')),
    daemon_group: honour((value) => requireSelf(groupId(value), process.getegid?.(), 'Group=')),
    daemon_chroot: refuse('let systemd do that: RootDirectory= of the service'),
    socket_user: set('socketUid', userId),
    socket_group: set('socketGid', groupId),
    socket_mode: set('socketMode', fileMode),
    seat_group: set('seatGid', groupId),
    // Where things are was settled before the rest is read: paths.ts.
    socket_name: honour(absolutePath),
    state_dir: honour(absolutePath),

    pkcs11_path: honour((value, draft) => amendToken(draft, { module: absolutePath(value) })),
    pkcs11_token: honour((value, draft) => amendToken(draft, { uri: tokenUri(value) })),
    pkcs11_pin_file: honour((value, draft) => amendToken(draft, { pinFile: absolutePath(value) })),
    always_authenticate: set('askForEachSignature', eachSignature),
    pkcs11_pin: refuse('programs read this file; put the PIN into a file: pkcs11_pin_file PATH'),

    allow_facilities: honour((value, draft) => {
      draft.facilities = supported(value);
    }),
    deny_facilities: honour((value, draft) => {
      draft.facilities &= ~named(value);
    }),

    authorisation: honour((value, draft) => {
      draft.authorisationRequired = oneOf(value, 'required', 'by-rule');
    }),
    authorisation_mode: honour((value, draft) => {
      draft.authorisationMonitor = oneOf(value, 'monitor', 'enforce');
    }),

    log_level: set('logLevel', logLevel),
    log_stderr: honour((value) => {
      if (!yes(value)) throw new ConfigError('the log goes to stderr always', 'redirect it');
    }),
    log_filter: refuse('filter by the fields of log_format json'),
    log_format: set('logFormat', logFormat),

    threads: set('threads', count),
    handshake_timeout: set('handshakeTimeout', positive),
    idle_timeout: set('idleTimeout', duration),
    datagram_idle_timeout: set('datagramIdleTimeout', duration),
    drain_timeout: set('drainTimeout', duration),
    max_connections: set('maxConnections', count),
    max_sessions: set('maxSessions', count),

    ...Object.fromEntries(
      Object.entries(validationKeys).map(([key, apply]) => [key, honour(apply)]),
    ),

    ldap_proxy: refuse('certificates of users are looked up directly: directory'),
    memcache_ttl: refuse(noMemcache()),
    memcache_host: refuse(noMemcache()),
    memcache_port: refuse(noMemcache()),
    privacy_attempt: refuse('TLS 1.3 encrypts certificates by itself'),
    radius_authn: refuse(noRadius()),
    radius_authz: refuse(noRadius()),
    radius_acct: refuse('every session ends with a line in the log'),
    dbenv_dir: refuse(oneStore()),
    db_localid: refuse(`${oneStore()}; tlspool identities import`),
    db_disclose: refuse(oneStore()),
    db_trust: refuse(`${oneStore()}; tlspool trust add`),
    tls_dhparamfile: refuse(
      'key exchange is by X25519MLKEM768, X25519 or P-256, never finite-field',
    ),
    tls_maxpreauth: refuse('handshakes are limited in time: handshake_timeout'),
    tls_onthefly_signcert: honour((value, draft) =>
      amendSigner(draft, { certificate: absolutePath(value.replace(/^file:/, '')) }),
    ),
    tls_onthefly_signkey: honour((value, draft) => amendSigner(draft, { key: tokenUri(value) })),
    dnssec_rootkey: refuse('a resolver on loopback validates DNSSEC: dns_resolver'),
    kerberos_client_keytab: refuse(noKerberos()),
    kerberos_client_credcache: refuse(noKerberos()),
    kerberos_server_keytab: refuse(noKerberos()),
    kerberos_server_credcache: refuse(noKerberos()),
    quantum_proof_authentication: honour(refuseDemand('no signatures of that kind are done yet')),
    quantum_proof_encryption: honour(refuseDemand(preferredOnly())),
    quantum_proof_handshake: honour(refuseDemand(preferredOnly())),
  }),
);

function honour(apply: (value: string, draft: Draft) => void): KeyRule {
  return { kind: 'honoured', apply };
}

function refuse(reason: string): KeyRule {
  return { kind: 'refused', reason };
}

function set<Name extends keyof Draft>(name: Name, read: (value: string) => Draft[Name]): KeyRule {
  return honour((value, draft) => {
    draft[name] = read(value);
  });
}

/** The daemon does not change its user: it is started as the one that it is to be. */
function requireSelf(wanted: number, is: number | undefined, unit: string): void {
  if (wanted === is) return;
  throw new ConfigError(
    `the daemon runs as ${is}, not as ${wanted}`,
    `start it as that: ${unit} of the systemd service`,
  );
}

function amendToken(draft: Draft, part: Partial<TokenSettings>): void {
  draft.token = { module: '', uri: undefined, pinFile: undefined, ...draft.token, ...part };
}

function amendSigner(draft: Draft, part: Partial<OnTheFlySigner>): void {
  draft.onTheFly = { certificate: '', key: '', ...draft.onTheFly, ...part };
}

/** What keys with CKA_ALWAYS_AUTHENTICATE get. */
function eachSignature(value: string): boolean {
  if (value === 'ask') return true;
  if (value === 'keep') return false;
  throw new ConfigError(`keep or ask is needed, got \`${value}\``);
}

function tokenUri(value: string): string {
  try {
    parsePkcs11Uri(value);
    return value;
  } catch (error) {
    if (error instanceof Pkcs11UriError) throw new ConfigError(error.message, error.hint);
    throw error;
  }
}

/** Whether the value is the first of two words. */
function oneOf(value: string, first: string, second: string): boolean {
  if (value === first) return true;
  if (value === second) return false;
  throw new ConfigError(`${first} or ${second} is needed, got \`${value}\``);
}

const facilityNames: Readonly<Record<string, number>> = {
  starttls: facilities.startTls,
  startgss: facilities.startGss,
  startssh: facilities.startSsh,
};

function named(value: string): number {
  let bits = 0;
  for (const name of value.toLowerCase().split(/[\s,]+/)) {
    const bit = facilityNames[name];
    if (bit === undefined) throw new ConfigError(`there is no facility ${name}`);
    bits |= bit;
  }
  return bits;
}

function supported(value: string): number {
  const bits = named(value);
  if ((bits & ~facilities.startTls) === 0) return bits;
  throw new ConfigError('this pool does STARTTLS only, no STARTGSS and no STARTSSH');
}

/** The names and numbers of syslog(3), as the original takes them. */
const logLevels: Readonly<Record<string, LogLevel>> = {
  emerg: 'error',
  alert: 'error',
  crit: 'error',
  err: 'error',
  error: 'error',
  warning: 'warn',
  warn: 'warn',
  notice: 'info',
  info: 'info',
  debug: 'debug',
  '0': 'error',
  '1': 'error',
  '2': 'error',
  '3': 'error',
  '4': 'warn',
  '5': 'info',
  '6': 'info',
  '7': 'debug',
};

function logLevel(value: string): LogLevel {
  const level = logLevels[value.toLowerCase()];
  if (level !== undefined) return level;
  throw new ConfigError(`a level is one of error, warn, info and debug, got \`${value}\``);
}

function logFormat(value: string): 'json' | 'text' {
  if (value === 'json' || value === 'text') return value;
  throw new ConfigError(`a format is json or text, got \`${value}\``);
}

function positive(value: string): number {
  const time = duration(value);
  if (time > 0) return time;
  throw new ConfigError('a handshake needs some time');
}

/** `no` is what is done; a demand that cannot be met must not look as if it were. */
function refuseDemand(reason: string): (value: string) => void {
  return (value) => {
    if (!/^(?:no|false|off|0)$/i.test(value))
      throw new ConfigError(`it cannot be demanded: ${reason}`);
  };
}

function noMemcache(): string {
  return 'what can be resumed is kept in the memory of the daemon, and nowhere else';
}

function noRadius(): string {
  return 'rules about access are in the store: tlspool authz allow';
}

function oneStore(): string {
  return 'the store is in the state folder: state_dir';
}

function noKerberos(): string {
  return 'there is no Kerberos here';
}

function preferredOnly(): string {
  return 'X25519MLKEM768 is preferred, but not required of peers yet';
}
