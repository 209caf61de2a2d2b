import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Pool } from './pool.ts';
import type { Running } from './running.ts';
import { ScriptedServer } from './scripted-server.ts';

/** A plaintext program, as little of it as shows that it is reached. */
export interface PlainProgram {
  readonly greeting: string;
  readonly answer: (line: string) => string | undefined;
}

/** One for each protocol of lines: what a client says to it, and what comes back, is told below. */
export const programs: Readonly<Record<string, PlainProgram>> = {
  smtp: lines('220 plain.example.com ESMTP\r\n', {
    EHLO: '250-plain.example.com\r\n250-AUTH PLAIN\r\n250 SIZE 1000\r\n',
  }),
  lmtp: lines('220 plain.example.com LMTP\r\n', {
    LHLO: '250-plain.example.com\r\n250 SIZE 1000\r\n',
  }),
  imap: lines('* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] plain\r\n', {}),
  pop3: lines('+OK plain <1.2@plain.example.com>\r\n', {
    CAPA: '+OK\r\nUSER\r\nSASL PLAIN\r\n.\r\n',
  }),
  nntp: lines('200 plain\r\n', {
    CAPABILITIES: '101 list\r\nVERSION 2\r\nREADER\r\nAUTHINFO USER\r\n.\r\n',
  }),
  // What a client asks for when it is told that TLS is there.
  ftp: lines('220 plain\r\n', {}),
  xmpp: lines('', {}),
  'xmpp-server': lines('', {}),
  ldap: lines('', {}),
  postgres: lines('', {}),
  irc: lines('', {}),
  managesieve: lines('"IMPLEMENTATION" "plain"\r\n"SASL" "PLAIN"\r\nOK "plain"\r\n', {
    CAPABILITY: '"IMPLEMENTATION" "plain"\r\n"SASL" "PLAIN"\r\nOK "again"\r\n',
  }),
  'http-connect': lines('', {}),
};

/** Says it is there when asked `WHO`, and hangs up after it. */
function lines(greeting: string, answers: Readonly<Record<string, string>>): PlainProgram {
  return {
    greeting,
    answer: (line) => {
      if (line.includes('WHO')) return 'PLAIN PROGRAM\r\nend';
      // Of gnutls-cli-debug, whatever it speaks to; it waits for an answer.
      if (line.startsWith('GET ')) return '500 What?\r\nend';
      return answers[line.split(' ')[0] ?? ''];
    },
  };
}

/** Tunnels of a file, in one process, each with its port. */
export class Tunnels implements AsyncDisposable {
  readonly #running: Running;
  readonly #ports: ReadonlyMap<string, number>;

  /** @param sections the words of each tunnel, by its name, but `accept` */
  static async open(
    pool: Pool,
    file: string,
    sections: Readonly<Record<string, readonly string[]>>,
  ): Promise<Tunnels> {
    const path = join(pool.folder, file);
    const texts = Object.entries(sections).map(([name, words]) =>
      [`tunnel ${name}`, 'accept 127.0.0.1:0', ...words].join('\n'),
    );
    writeFileSync(path, `${texts.join('\n')}\n`);
    const running = pool.start('tunnel', '--from', path);
    const last = Object.keys(sections).at(-1);
    await running.saying(new RegExp(`tunnel: ${last}: .* → .*\n`));
    const routes = running.stderr.matchAll(/tunnel: (\S+): 127\.0\.0\.1:(\d+) →/g);
    return new Tunnels(
      running,
      new Map(Array.from(routes, ([, name = '', port]) => [name, Number(port)])),
    );
  }

  private constructor(running: Running, ports: ReadonlyMap<string, number>) {
    this.#running = running;
    this.#ports = ports;
  }

  get running(): Running {
    return this.#running;
  }

  port(name: string): number {
    const port = this.#ports.get(name);
    if (port === undefined) throw new Error(`no tunnel ${name}: ${this.#running.stderr}`);
    return port;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#running[Symbol.asyncDispose]();
  }
}

/** All of the programs, each behind a tunnel that speaks STARTTLS for it. */
export async function tunnelledPrograms(pool: Pool, stage: AsyncDisposableStack) {
  const servers = new Map<string, ScriptedServer>();
  const sections: Record<string, readonly string[]> = {};
  for (const [protocol, { greeting, answer }] of Object.entries(programs)) {
    const server = stage.use(await ScriptedServer.start(greeting, answer));
    servers.set(protocol, server);
    sections[protocol] = [`connect ${server.address}`, `starttls ${protocol}`];
  }
  const tunnels = stage.use(await Tunnels.open(pool, 'servers.conf', sections));
  return { servers, tunnels };
}
