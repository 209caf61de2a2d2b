import type { DecisionRecord } from '../authz/decision-log.ts';

export function decisionWord(record: DecisionRecord): string {
  if (record.allowed) return 'allowed';
  return record.about === 'remote' && record.monitored ? 'would be denied' : 'denied';
}
