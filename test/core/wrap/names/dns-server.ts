import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { parseDnsMessage } from '../../../../src/core/wrap/names/dns-message.ts';
import { encodeMessage, type Record } from './dns-encoding.ts';

/** A DNS server that knows what it is told, and answers NXDOMAIN otherwise. */
export class DnsServer implements AsyncDisposable {
  readonly address: string;
  readonly #socket: Socket;

  static async open(
    zone: readonly Record[],
    { address = '127.0.0.1', port = 0 }: { address?: string; port?: number } = {},
  ): Promise<DnsServer> {
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
    socket.bind(port, address);
    await once(socket, 'listening');
    return new DnsServer(socket, zone);
  }

  private constructor(socket: Socket, zone: readonly Record[]) {
    this.#socket = socket;
    this.address = socket.address().address;
    socket.on('message', (datagram, from) => {
      const answer = answerTo(datagram, zone);
      if (answer) socket.send(answer, from.port, from.address);
    });
  }

  get port(): number {
    return (this.#socket.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close();
    await once(this.#socket, 'close');
  }
}

/** Aliases are followed; a name that exists without the type that was asked for has no records. */
function answerTo(datagram: Buffer, zone: readonly Record[]): Buffer | undefined {
  const message = parseDnsMessage(datagram);
  if (message === undefined) return undefined;
  const { id, question } = message;
  const answers: Record[] = [];
  const known = (owner: string) => zone.filter((record) => record.owner === owner);
  let owner = question.name;
  for (let step = 0; step < 8; step++) {
    const alias = known(owner).find(({ type }) => type === 5);
    if (alias === undefined || question.type === 5) break;
    answers.push(alias);
    owner = nameIn(alias.data);
  }
  answers.push(...known(owner).filter(({ type }) => type === question.type));
  const code = known(owner).length > 0 || answers.length > 0 ? 0 : 3;
  return encodeMessage({
    id,
    response: true,
    code,
    question: [question.name, question.type],
    answers,
  });
}

function nameIn(data: Uint8Array): string {
  const labels: string[] = [];
  for (let at = 0; data[at]; at += (data[at] ?? 0) + 1) {
    labels.push(Buffer.from(data.subarray(at + 1, at + 1 + (data[at] ?? 0))).toString());
  }
  return labels.join('.');
}
