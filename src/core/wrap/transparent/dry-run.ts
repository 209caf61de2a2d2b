import { TlspoolError } from '../../errors.ts';
import type { PoolAccess } from '../../tunnel/pool-access.ts';
import { checkExecutable } from '../executable.ts';
import type { ProgramPlan } from '../mode.ts';
import { NameLearning } from '../names/learning.ts';
import type { PortMeaning } from '../port-meaning.ts';
import { openPrivateNetwork } from '../supervisor/private-network.ts';
import { trySupervision } from '../supervisor/supervision.ts';
import type { ListenerPolicy } from './listener-policy.ts';
import type { TransparentOrder } from './wrap-transparently.ts';

/** One thing that wrapping takes, and whether it is there. */
export interface Finding {
  readonly what: string;
  /** undefined: all is well. */
  readonly failure: TlspoolError | undefined;
  /** Failing that, only programs that listen fail. */
  readonly forListening?: boolean;
}

export interface DryRun {
  readonly findings: readonly Finding[];
  /** Whom clients would see; undefined if that cannot be told. */
  readonly localIds: readonly string[] | undefined;
  /** How the names of the servers that it connects to are learned. */
  readonly names: NameLearning['by'];
  /** The ports that flags name. */
  readonly ports: readonly { readonly port: number; readonly meaning: PortMeaning }[];
}

type DryRunOrder = Pick<TransparentOrder, 'program' | 'pool' | 'policy' | 'withIdentity'>;

/** Tries everything that it takes to wrap a program, but for running it. */
export async function dryRun(order: DryRunOrder): Promise<DryRun> {
  const { program, policy } = order;
  const findings = [
    await find(`program ${program.command[0]}`, async () => checkProgram(program)),
    await find('a private network', async () => void (await openPrivateNetwork(program.launcher))),
    await find('supervision of system calls', () => trySupervision(program)),
  ];
  let pool: PoolAccess | undefined;
  let localIds: readonly string[] | undefined;
  try {
    const reached = await find('the pool', async () => {
      pool = await order.pool();
    });
    findings.push(reached);
    if (pool) {
      const access = pool;
      const identity = await find('an identity to show', async () => {
        localIds = await identitiesOf(order, policy, access);
      });
      findings.push({ ...identity, forListening: policy.named.length === 0 });
    }
  } finally {
    await pool?.close();
  }
  const ports = policy.named.map((port) => ({ port, meaning: policy.meaning(port) }));
  return { findings, localIds, names: wayOfLearning(), ports };
}

function wayOfLearning(): NameLearning['by'] {
  const learning = new NameLearning(process.pid);
  learning.close();
  return learning.by;
}

async function find(what: string, attempt: () => Promise<void>): Promise<Finding> {
  try {
    await attempt();
    return { what, failure: undefined };
  } catch (error) {
    if (error instanceof TlspoolError) return { what, failure: error };
    throw error;
  }
}

function checkProgram({ command, environment }: ProgramPlan): void {
  checkExecutable(command[0] ?? '', environment.PATH);
}

async function identitiesOf(
  { withIdentity }: DryRunOrder,
  policy: ListenerPolicy,
  pool: PoolAccess,
): Promise<readonly string[]> {
  return (await withIdentity(policy.sharedTerms, pool)).localIds;
}
