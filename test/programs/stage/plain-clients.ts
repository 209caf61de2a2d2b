import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from './listening-programs.ts';

/**
 * The command that fetches a page from a host with a client that is left to speak plaintext.
 * @param folder where what has to be compiled is put
 */
export type Fetch = (host: string, port: number, folder: string) => readonly string[];

const url = (host: string, port: number) => `http://${host}:${port}/`;
const node = (script: string): readonly string[] => [
  process.execPath,
  '--input-type=module',
  '-e',
  script,
];

const source = fileURLToPath(new URL('../connecting/fetch.c', import.meta.url));

function withMusl(folder: string): string {
  const program = join(folder, 'fetch-with-musl');
  if (!existsSync(program)) build('musl-gcc', ['-static', '-o', program, source]);
  return program;
}

/** With resolvers of many kinds. */
export const plainClients: Readonly<Record<string, Fetch>> = {
  curl: (host, port) => ['curl', '-sS', '--max-time', '100', url(host, port)],
  wget: (host, port) => ['wget', '-q', '-O', '-', '-T', '100', '-t', '1', url(host, port)],
  netcat: (host, port) => [
    'sh',
    '-c',
    `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc.openbsd -w 100 ${host} ${port}`,
  ],
  "Node's fetch": (host, port) =>
    node(`process.stdout.write(await (await fetch('${url(host, port)}')).text())`),
  'Node with the resolver of c-ares': (host, port) =>
    node(`import { Resolver } from 'node:dns/promises';
      import { connect } from 'node:net';
      const [address] = await new Resolver().resolve4('${host}');
      const socket = connect(${port}, address);
      socket.write('GET / HTTP/1.0\\r\\n\\r\\n');
      for await (const chunk of socket) process.stdout.write(chunk);`),
  'a static program with the resolver of musl': (host, port, folder) => [
    withMusl(folder),
    host,
    `${port}`,
  ],
  'python3 with asyncio': (host, port) => [
    'python3',
    '-c',
    `
import asyncio
async def main():
    reader, writer = await asyncio.open_connection("${host}", ${port})
    writer.write(b"GET / HTTP/1.0\\r\\n\\r\\n")
    print((await reader.read()).decode())
asyncio.run(main())`,
  ],
};
