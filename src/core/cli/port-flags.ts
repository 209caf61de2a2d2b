import { type RestartPolicy, restartPolicies } from '../wrap/transparent/restart.ts';
import { Flags } from './oclif.ts';

const port = { multiple: true as const, multipleNonGreedy: true, exclusive: ['listen'] };

/** What `wrap` is told about the ports that its program listens on, and about running it. */
export const portFlags = {
  tls: Flags.string({
    ...port,
    helpValue: 'PORT[=SERVICE]',
    description: 'a port where TLS begins with the first byte; SERVICE is its IANA name for rules',
  }),
  starttls: Flags.string({
    ...port,
    exclusive: [],
    helpValue: 'PORT=PROTOCOL',
    description:
      'a port where clients begin in the clear and ask for TLS, as PROTOCOL has it; with --listen, PROTOCOL alone',
  }),
  plain: Flags.string({
    ...port,
    helpValue: 'PORT',
    description: 'a port without TLS',
  }),
  'unsafe-tls-optional': Flags.string({
    ...port,
    helpValue: 'PORT',
    description:
      'a port with STARTTLS where clients that do not ask for it are served in the clear',
  }),
  'dry-run': Flags.boolean({
    exclusive: ['listen'],
    description: 'say what would happen and whether this system allows it, and run nothing',
  }),
  restart: Flags.custom<RestartPolicy>({
    options: [...restartPolicies],
    exclusive: ['listen'],
    helpValue: restartPolicies.join('|'),
    description:
      'start a program again that ended [default: no]: after 1 s, then ever longer pauses up to 60 s',
  })(),
};
