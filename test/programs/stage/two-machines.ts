import { Running, run } from './running.ts';

/** Commands meet a network, and what is mounted, of one machine or of the other. */
export type OnMachine = (command: readonly string[]) => string[];

/**
 * A server's and a client's network, each with its own loopback and a cable between them: ports of the server's are all
 * free. What is mounted on the server nobody else sees. Takes root.
 */
export class TwoMachines implements AsyncDisposable {
  static readonly serverAddress = '10.77.0.1';
  static readonly clientAddress = '10.77.0.2';

  readonly server: OnMachine;
  readonly client: OnMachine;
  readonly #keepers: readonly Running[];

  /** @param mounts folders of the server that are to be empty, and writable */
  static async start(mounts: readonly string[] = []): Promise<TwoMachines> {
    const [server, client] = [keepNetwork(mounts), keepNetwork([])];
    try {
      for (const keeper of [server, client]) await keeper.saying(/kept/);
      const cable = ['link', 'add', 'cable', 'netns', `${server.pid}`, 'type', 'veth'];
      await ip(onMachine(client), ...cable, 'peer', 'name', 'cable', 'netns', `${client.pid}`);
      await plugIn(onMachine(server), TwoMachines.serverAddress);
      await plugIn(onMachine(client), TwoMachines.clientAddress);
      return new TwoMachines(server, client);
    } catch (error) {
      for (const keeper of [server, client]) await keeper[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor(server: Running, client: Running) {
    this.#keepers = [server, client];
    this.server = onMachine(server);
    this.client = onMachine(client);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const keeper of this.#keepers) await keeper[Symbol.asyncDispose]();
  }
}

function keepNetwork(mounts: readonly string[]): Running {
  const script = [
    'ip link set lo up',
    ...mounts.map((folder) => `mount -t tmpfs -o mode=755 tmpfs ${folder}`),
    'echo kept >&2',
    'exec sleep infinity',
  ];
  return new Running('unshare', ['--net', '--mount', 'sh', '-ec', script.join('\n')]);
}

function onMachine({ pid }: Running): OnMachine {
  return (command) => ['nsenter', '--target', `${pid}`, '--net', '--mount', '--', ...command];
}

async function plugIn(machine: OnMachine, address: string): Promise<void> {
  await ip(machine, 'address', 'add', `${address}/24`, 'dev', 'cable');
  await ip(machine, 'link', 'set', 'cable', 'up');
}

async function ip(machine: OnMachine, ...args: readonly string[]): Promise<void> {
  const [command = '', ...rest] = machine(['ip', ...args]);
  const { code, stderr } = await run(command, rest);
  if (code !== 0) throw new Error(`ip ${args.join(' ')}: ${stderr}`);
}
