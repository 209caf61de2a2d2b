import type { Running } from './running.ts';

export type TlsVersion = '1.2' | '1.3';

/** PEM files of who a program is, and of the CAs that it believes. */
export interface Files {
  readonly chain: string;
  readonly key: string;
}

/** A TLS implementation that is not ours, by its programs. */
export interface Make {
  readonly name: string;
  /** A client that prints what the host says, and shows a certificate if it has one. */
  client(
    port: number,
    host: string,
    version: TlsVersion,
    own: Files | undefined,
    caFile: string,
  ): string[];
  /** A server that insists on a certificate, and answers to what it hears. */
  server(port: number, version: TlsVersion, own: Files, caFile: string): string[];
  /** Number of an alert that it received, as client or as server. */
  readonly alert: RegExp;
}

export const openssl: Make = {
  name: 'OpenSSL',
  client: (port, host, version, own, caFile) => [
    ...['openssl', 's_client', '-quiet', '-connect', `127.0.0.1:${port}`, '-servername', host],
    ...['-CAfile', caFile, '-verify_return_error', '-verify_hostname', host],
    ...(own === undefined ? [] : ['-cert', own.chain, '-key', own.key]),
    `-tls${version.replace('.', '_')}`,
  ],
  server: (port, version, own, caFile) => [
    ...['openssl', 's_server', '-accept', `127.0.0.1:${port}`, '-cert', own.chain],
    ...['-key', own.key, '-CAfile', caFile, '-Verify', '1', '-verify_return_error'],
    ...['-rev', `-tls${version.replace('.', '_')}`],
  ],
  alert: /SSL alert number (\d+)/,
};

export const gnutls: Make = {
  name: 'GnuTLS',
  client: (port, host, version, own, caFile) => [
    ...['gnutls-cli', '--port', String(port), '--sni-hostname', host, '--verify-hostname', host],
    ...['--x509cafile', caFile, '--priority', `NORMAL:-VERS-ALL:+VERS-TLS${version}`],
    ...(own === undefined ? [] : ['--x509certfile', own.chain, '--x509keyfile', own.key]),
    '127.0.0.1',
  ],
  server: (port, version, own, caFile) => [
    ...['gnutls-serv', '--port', String(port), '--x509certfile', own.chain, '--x509keyfile'],
    ...[own.key, '--x509cafile', caFile, '--require-client-cert', '--verify-client-cert', '--echo'],
    // It says only so what alert came.
    ...['--debug', '5'],
    ...['--priority', `NORMAL:-VERS-ALL:+VERS-TLS${version}`],
  ],
  alert: /Received alert \[(\d+)\]|Alert\[2\|(\d+)\] - .* was received/,
};

/** Numbers of the alerts that a program said it received, in order. */
export function alertsTo({ alert }: Make, { stdout, stderr }: Running): number[] {
  const all = (stderr + stdout).matchAll(new RegExp(alert, 'g'));
  return Array.from(all, ([, ...numbers]) => Number(numbers.find((number) => number)));
}
