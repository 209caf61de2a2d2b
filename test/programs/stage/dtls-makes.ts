import type { Files } from './other-makes.ts';

/** A DTLS implementation that is not ours, by its programs. */
export interface DtlsMake {
  readonly name: string;
  /** A client that prints what it hears, and sends what it is told; it shows a certificate if it has one. */
  client(port: number, host: string, own: Files | undefined, caFile: string): string[];
  /** A server that insists on a certificate, and prints what it hears. */
  server(port: number, own: Files, caFile: string): string[];
  /** What the server prints when it can be asked. */
  readonly up: RegExp;
  /** Number of an alert that it received, as client or as server. */
  readonly alert: RegExp;
}

export const opensslDtls: DtlsMake = {
  name: 'OpenSSL',
  client: (port, host, own, caFile) => [
    ...['openssl', 's_client', '-dtls1_2', '-quiet', '-connect', `127.0.0.1:${port}`],
    ...['-servername', host, '-CAfile', caFile, '-verify_return_error', '-verify_hostname', host],
    ...(own === undefined ? [] : ['-cert', own.chain, '-key', own.key]),
  ],
  server: (port, own, caFile) => [
    ...['openssl', 's_server', '-dtls1_2', '-listen', '-accept', `127.0.0.1:${port}`],
    ...['-cert', own.chain, '-key', own.key, '-CAfile', caFile, '-Verify', '1'],
    '-verify_return_error',
  ],
  up: /ACCEPT/,
  alert: /SSL alert number (\d+)/,
};

export const gnutlsDtls: DtlsMake = {
  name: 'GnuTLS',
  client: (port, host, own, caFile) => [
    ...['gnutls-cli', '--udp', '--port', String(port), '--sni-hostname', host],
    ...['--verify-hostname', host, '--x509cafile', caFile],
    ...(own === undefined ? [] : ['--x509certfile', own.chain, '--x509keyfile', own.key]),
    '127.0.0.1',
  ],
  server: (port, own, caFile) => [
    ...['gnutls-serv', '--udp', '--port', String(port), '--x509certfile', own.chain],
    ...['--x509keyfile', own.key, '--x509cafile', caFile, '--require-client-cert'],
    // It says only so what alert came.
    ...['--verify-client-cert', '--echo', '--debug', '5'],
  ],
  up: /listening on IPv4/,
  alert: /Received alert \[(\d+)\]|Alert\[2\|(\d+)\] - .* was received/,
};
