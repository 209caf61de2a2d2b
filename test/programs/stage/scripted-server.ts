import type { Socket } from 'node:net';
import { PlainServer } from './plain-server.ts';

/** A plaintext program that says what a script says, and keeps what it hears. */
export class ScriptedServer implements AsyncDisposable {
  readonly #server: PlainServer;
  readonly #heard: string[];

  /**
   * @param greeting what it says to whoever connects
   * @param answer what it says to a line; undefined: nothing; what ends in `end`: it hangs up after that
   */
  static async start(
    greeting: string,
    answer: (line: string) => string | undefined,
  ): Promise<ScriptedServer> {
    const heard: string[] = [];
    const server = await PlainServer.start((socket) => converse(socket, greeting, answer, heard));
    return new ScriptedServer(server, heard);
  }

  private constructor(server: PlainServer, heard: string[]) {
    this.#server = server;
    this.#heard = heard;
  }

  get address(): string {
    return this.#server.address;
  }

  /** Everything that anybody said to it, line by line. */
  get heard(): readonly string[] {
    return this.#heard;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#server[Symbol.asyncDispose]();
  }
}

function converse(
  socket: Socket,
  greeting: string,
  answer: (line: string) => string | undefined,
  heard: string[],
): void {
  let unfinished = '';
  socket.write(greeting);
  socket.on('end', () => socket.end());
  socket.setEncoding('latin1').on('data', (text: string) => {
    const lines = (unfinished + text).split('\n');
    unfinished = lines.pop() ?? '';
    for (const line of lines.map((each) => each.replace(/\r$/, ''))) {
      heard.push(line);
      const words = answer(line);
      if (words?.endsWith('end')) socket.end(words.slice(0, -'end'.length), 'latin1');
      else if (words !== undefined) socket.write(words, 'latin1');
    }
  });
}
