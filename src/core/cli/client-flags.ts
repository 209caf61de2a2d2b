import { Flags } from './oclif.ts';

const repeatable = {
  multiple: true as const,
  multipleNonGreedy: true,
  exclusive: ['listen'],
};

/** What `wrap` is told about the connections that its program makes. */
export const clientFlags = {
  'client-tls': Flags.string({
    ...repeatable,
    helpValue: 'HOST:PORT|PORT',
    description:
      'where the program connects to servers with TLS from the first byte on; with HOST, that is also whom the server must prove to be',
  }),
  'client-starttls': Flags.string({
    ...repeatable,
    helpValue: '[HOST:]PORT=PROTOCOL',
    description: 'where it connects to servers that begin in the clear, as PROTOCOL has it',
  }),
  'remote-id': Flags.string({
    helpValue: 'ID',
    exclusive: ['listen'],
    description:
      'whom every server must prove to be [default: the name that the program asked for]',
  }),
};
