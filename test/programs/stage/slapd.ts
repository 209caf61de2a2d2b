import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { listening } from './ports.ts';
import { Running, run } from './running.ts';

const base = 'dc=example,dc=com';

/** Distinguished name of a group that `Slapd.start` was given. */
export function groupName(group: string): string {
  return `cn=${group},${base}`;
}

/** What a directory has besides people and groups. */
export interface SlapdOptions {
  /** PEM files: TLS on a port of its own, and StartTLS. Without them it speaks in clear only. */
  readonly tls?: { readonly port: number; readonly key: string; readonly cert: string };
  /** Whoever reads must be bound as this one. */
  readonly reader?: { readonly dn: string; readonly password: string };
  /** More lines of LDIF for each person, such as published certificates. */
  readonly more?: Readonly<Record<string, readonly string[]>>;
}

/** OpenLDAP's server on loopback, with people and groups, that can stop and come back. */
export class Slapd implements AsyncDisposable {
  readonly url: string;
  readonly #tls: SlapdOptions['tls'];
  readonly #folder: string;
  readonly #port: number;
  #running: Running | undefined;

  /** @param groups members by group: uids of people, whose mail is `uid@example.com`, or `cn=…` of another group */
  static async start(
    folder: string,
    port: number,
    groups: Readonly<Record<string, readonly string[]>>,
    options: SlapdOptions = {},
  ): Promise<Slapd> {
    const slapd = new Slapd(folder, port, options.tls);
    await slapd.#fill(groups, options);
    await slapd.serve();
    return slapd;
  }

  private constructor(folder: string, port: number, tls: SlapdOptions['tls']) {
    this.#tls = tls;
    this.#folder = join(folder, `slapd-${port}`);
    this.#port = port;
    this.url = `ldap://127.0.0.1:${port}`;
  }

  /** With TLS from the first byte. */
  get secureUrl(): string {
    return `ldaps://localhost:${this.#tls?.port}`;
  }

  async serve(): Promise<void> {
    // -d keeps it in the foreground, as ours.
    const urls =
      this.#tls === undefined ? this.url : `${this.url} ldaps://127.0.0.1:${this.#tls.port}`;
    const args = ['-f', join(this.#folder, 'slapd.conf'), '-h', urls, '-d', '0'];
    this.#running = new Running('/usr/sbin/slapd', args);
    for (const port of [this.#port, ...(this.#tls === undefined ? [] : [this.#tls.port])]) {
      await listening(port, this.#running);
    }
  }

  async stop(): Promise<void> {
    await this.#running?.[Symbol.asyncDispose]();
    this.#running = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #fill(
    groups: Readonly<Record<string, readonly string[]>>,
    { tls, reader, more = {} }: SlapdOptions,
  ): Promise<void> {
    const data = join(this.#folder, 'data');
    mkdirSync(data, { recursive: true });
    const conf = join(this.#folder, 'slapd.conf');
    writeFileSync(
      conf,
      [
        ...['core', 'cosine', 'inetorgperson'].map(
          (name) => `include /etc/ldap/schema/${name}.schema`,
        ),
        'modulepath /usr/lib/ldap',
        'moduleload back_mdb',
        `pidfile ${join(this.#folder, 'slapd.pid')}`,
        ...(tls ? [`TLSCertificateFile ${tls.cert}`, `TLSCertificateKeyFile ${tls.key}`] : []),
        ...(reader ? ['require authc', 'disallow bind_anon'] : []),
        'database mdb',
        'maxsize 16777216',
        `suffix "${base}"`,
        `directory ${data}`,
        ...(reader ? [`rootdn "${reader.dn}"`, `rootpw "${reader.password}"`] : []),
        '',
      ].join('\n'),
    );
    const ldif = join(this.#folder, 'people.ldif');
    writeFileSync(ldif, entries(groups, more).join('\n\n'));
    const { code, stderr } = await run('/usr/sbin/slapadd', ['-f', conf, '-l', ldif]);
    if (code !== 0) throw new Error(`slapadd: ${stderr}`);
  }
}

function entries(
  groups: Readonly<Record<string, readonly string[]>>,
  more: Readonly<Record<string, readonly string[]>>,
): string[] {
  const people = new Set(Object.values(groups).flat());
  const domain = [`dn: ${base}`, 'objectClass: domain', 'dc: example'];
  const persons = [...people]
    .filter((uid) => !uid.startsWith('cn='))
    .map((uid) => [
      `dn: uid=${uid},${base}`,
      'objectClass: inetOrgPerson',
      `uid: ${uid}`,
      `cn: ${uid}`,
      `sn: ${uid}`,
      `mail: ${uid}@example.com`,
      ...(more[uid] ?? []),
    ]);
  const lists = Object.entries(groups).map(([name, members]) => [
    `dn: cn=${name},${base}`,
    'objectClass: groupOfNames',
    `cn: ${name}`,
    ...members.map((member) =>
      member.startsWith('cn=') ? `member: ${member},${base}` : `member: uid=${member},${base}`,
    ),
  ]);
  return [domain, ...persons, ...lists].map((lines) => lines.join('\n'));
}
