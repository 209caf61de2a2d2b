// What Debian must bring, and how to see that it is there.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { run, SetupError, say } from './step.mjs';

/** To build what is native. `has`: a path, or the name of a command. */
export const forInstallation = [
  { name: 'g++', has: 'g++', why: 'the engine' },
  { name: 'make', has: 'make', why: 'the engine' },
  { name: 'python3', has: 'python3', why: 'node-gyp, which builds pkcs11js' },
  { name: 'libp11-kit-dev', has: '/usr/include/p11-kit-1', why: 'PKCS #11 headers' },
];

/** To build tlspool and to go through the quickstart. */
export const forUse = [
  ...forInstallation,
  { name: 'softhsm2', has: '/usr/lib/softhsm/libsofthsm2.so', why: 'the token of a new pool' },
  {
    name: 'busybox-static',
    has: 'busybox',
    why: 'the plain HTTP server and client of the quickstart',
  },
  { name: 'curl', has: 'curl', why: 'a TLS client of the quickstart' },
  { name: 'openssl', has: 'openssl', why: 'the other TLS client' },
];

/** For the tests, on top. */
export const forTests = [
  { name: 'gnutls-bin', has: 'gnutls-cli', why: 'a TLS client and server of another make' },
  { name: 'opensc', has: 'pkcs11-tool', why: 'a look at tokens through other eyes' },
  { name: 'testssl.sh', has: 'testssl', why: 'protocol and vulnerability checks' },
  { name: 'sslscan', has: 'sslscan', why: 'protocol and cipher checks' },
  { name: 'mandoc', has: 'mandoc', why: 'checks the manual pages' },
  { name: 'zsh', has: 'zsh', why: 'tries the completion' },
  { name: 'fish', has: 'fish', why: 'tries the completion' },
  { name: 'slapd', has: 'slapd', why: 'a directory with groups, and with certificates' },
  { name: 'unbound', has: 'unbound', why: 'a resolver that validates DNSSEC' },
  { name: 'ldnsutils', has: 'ldns-signzone', why: 'signs zones for it' },
  { name: 'ldap-utils', has: 'ldapsearch', why: 'a client of directories' },
  { name: 'opensmtpd', has: 'smtpd', why: 'the mail server of the mailing list' },
  { name: 'swaks', has: 'swaks', why: 'a mail client, with and without TLS' },
  {
    name: 'libnet-ssleay-perl',
    has: '/usr/share/doc/libnet-ssleay-perl',
    why: 'TLS for swaks',
  },
  { name: 'tmux', has: 'tmux', why: 'a terminal for the programs that ask people' },
  { name: 'pinentry-tty', has: 'pinentry-tty', why: 'asks for PINs at a terminal' },
  { name: 'pinentry-curses', has: 'pinentry-curses', why: 'likewise' },
  { name: 'vsftpd', has: 'vsftpd', why: 'an FTP server to put behind TLS' },
  { name: 'mariadb-server', has: 'mariadbd', why: 'a database server to put behind TLS' },
  { name: 'mariadb-client', has: 'mariadb', why: 'a database client with and without TLS' },
  {
    name: 'python3-pymysql',
    has: '/usr/lib/python3/dist-packages/pymysql',
    why: 'a database client of another make',
  },
  { name: 'nginx-light', has: 'nginx', why: 'a server to wrap, with worker processes' },
  { name: 'gunicorn', has: 'gunicorn', why: 'a server to wrap, with workers before clients' },
  {
    name: 'python3-uvicorn',
    has: '/usr/lib/python3/dist-packages/uvicorn',
    why: 'likewise, with workers that listen themselves',
  },
  { name: 'redis-server', has: 'redis-server', why: 'a server and a client to wrap' },
  { name: 'apache2-utils', has: 'ab', why: 'a TLS client that asks a thousand times' },
  {
    name: 'busybox-static',
    has: '/usr/share/doc/busybox-static',
    why: 'a statically linked server to wrap',
  },
  { name: 'dovecot-imapd', has: '/usr/lib/dovecot/imap', why: 'a mail server to wrap' },
  { name: 'dovecot-pop3d', has: '/usr/lib/dovecot/pop3', why: 'likewise' },
  { name: 'iproute2', has: 'ip', why: 'networks for a server and a client' },
  { name: 'golang-go', has: 'go', why: 'programs that need no C library' },
  { name: 'netcat-openbsd', has: 'nc.openbsd', why: 'a client to wrap that knows no protocol' },
  { name: 'wget', has: 'wget', why: 'a client to wrap' },
  { name: 's-nail', has: 's-nail', why: 'a mail client to wrap' },
  {
    name: 'python3-aiosmtpd',
    has: '/usr/share/doc/python3-aiosmtpd',
    why: 'a mail server of another make, with TLS',
  },
  {
    name: 'postgresql',
    has: '/usr/share/doc/postgresql',
    why: 'a server with TLS, and a client to wrap',
  },
  { name: 'musl-tools', has: 'musl-gcc', why: 'programs with another resolver' },
  { name: 'default-jdk-headless', has: 'javac', why: 'programs with threads of their own' },
];

/**
 * Installs by apt what is missing, as root or by sudo.
 * @throws SetupError saying what to install where that cannot be done
 */
export function installPackages(packages) {
  const missing = missingOf(packages);
  if (missing.length === 0) return;

  const patience = ['-o', 'DPkg::Lock::Timeout=600'];
  const command = ['apt-get', 'install', ...patience, '-y', '--no-install-recommends', ...missing];
  const become = waysToRoot();
  if (become === undefined || !isThere('apt-get')) throw notThere(missing);
  say(`installing ${missing.join(', ')}`);
  const quiet = { stdio: ['inherit', 'ignore', 'inherit'] };
  const apt = ['env', 'DEBIAN_FRONTEND=noninteractive'];
  const [file, ...args] = [...become, ...apt];
  run('apt-get update', file, [...args, 'apt-get', 'update', '-q'], quiet);
  run('apt-get install', file, [...args, ...startingNothing, ...command, '-q'], quiet);
}

/** @throws SetupError saying what to install, if something is missing */
export function requirePackages(packages) {
  const missing = missingOf(packages);
  if (missing.length > 0) throw notThere(missing);
}

function missingOf(packages) {
  return packages.filter(({ has }) => !isThere(has)).map(({ name }) => name);
}

function notThere(missing) {
  const command = `sudo apt-get install ${missing.join(' ')}`;
  return new SetupError(`missing ${missing.join(', ')}: install them first (${command})`);
}

/**
 * Runs the command after it with Debian told to start no service that it installs (invoke-rc.d(8)): we want
 * programs. A policy that the machine has already is left as it is.
 */
const startingNothing = [
  'sh',
  '-c',
  `policy=/usr/sbin/policy-rc.d
  if [ ! -e $policy ]; then
    trap 'rm -f $policy' EXIT
    trap 'exit 1' HUP INT TERM
    printf '#!/bin/sh\\nexit 101\\n' >$policy
    chmod 755 $policy
  fi
  "$@"`,
  'sh',
];

/** What to put before a command that needs root; undefined if there is no way. */
function waysToRoot() {
  if (process.geteuid() === 0) return [];
  if (!isThere('sudo')) return undefined;
  if (process.stdin.isTTY) return ['sudo'];
  const silent = spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' });
  return silent.status === 0 ? ['sudo', '-n'] : undefined;
}

function isThere(thing) {
  if (thing.startsWith('/')) return existsSync(thing);
  const places = `${process.env.PATH}${delimiter}/usr/sbin${delimiter}/sbin`.split(delimiter);
  return places.some((place) => existsSync(join(place, thing)));
}
