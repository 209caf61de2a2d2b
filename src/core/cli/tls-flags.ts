import { Flags } from './oclif.ts';

/** What `wrap` and `tunnel` say alike about the sessions that they ask the pool for. */
export const tlsFlags = {
  'local-id': Flags.string({
    helpValue: 'ID',
    multiple: true,
    multipleNonGreedy: true,
    description:
      'identity to show; may be repeated, the name that the client asks for (SNI) chooses among them. ' +
      'Default: the only server identity there is',
  }),
  service: Flags.string({
    helpValue: 'NAME',
    description: 'IANA service name, such as https: what rules about access are told',
  }),
  'request-remote-id': Flags.boolean({
    exclusive: ['require-remote-id'],
    description: 'ask clients who they are; one that does not say may go on, one that lies may not',
  }),
  'require-remote-id': Flags.boolean({
    exclusive: ['request-remote-id'],
    description: 'ask clients who they are, and refuse those that do not prove it',
  }),
  alpn: Flags.string({
    helpValue: 'LIST',
    description:
      'application protocols in order of preference, separated by commas; others are refused',
  }),
  standalone: Flags.boolean({
    description: 'run a pool of our own inside instead of using the daemon',
  }),
  'max-handshakes': Flags.integer({
    helpValue: 'N',
    min: 1,
    max: 30_000,
    default: 4096,
    description: 'handshakes at once; more connections wait',
  }),
  'drain-timeout': Flags.integer({
    helpValue: 'SECONDS',
    min: 0,
    default: 10,
    description: 'how long open sessions may go on at the end',
  }),
};
