import { readFileSync } from 'node:fs';

/** A fenced block of commands in a guide, and what it says that they print. */
export interface Step {
  readonly line: number;
  readonly commands: string;
  /** It goes on beside the others, and has to say that it is ready. */
  readonly service: boolean;
  /** It is said to fail. */
  readonly fails: boolean;
  /** Parts of lines that it prints, in any order. */
  readonly prints: readonly string[];
}

/** The commands of a guide in their order: blocks of `sh`, with `text` behind them for what they print. */
export function readGuide(path: string): Step[] {
  const steps: Step[] = [];
  const pattern = /^```(sh|text)(.*)\n([\s\S]*?)^```$/gm;
  const text = readFileSync(path, 'utf8');
  for (const { 1: kind, 2: marks = '', 3: content = '', index } of text.matchAll(pattern)) {
    const line = text.slice(0, index).split('\n').length;
    if (kind === 'sh') {
      const [service, fails] = [marks.includes('service'), marks.includes('fails')];
      steps.push({ line, commands: content, service, fails, prints: [] });
      continue;
    }
    const last = steps.pop();
    if (last === undefined) throw new Error(`${path}:${line}: nothing printed this`);
    steps.push({ ...last, prints: content.trimEnd().split('\n') });
  }
  return steps;
}

/** A shell script that takes the steps, and leaves what step n printed in `out.n`; it ends at the first fault. */
export function scriptOf(steps: readonly Step[]): string {
  const taken = steps.map(({ commands, service, fails, line }, number) => {
    const out = `out.${number}`;
    if (service) {
      return `( ${commands}) > ${out} 2>&1 &\nready ${out} || fault ${number} ${line}`;
    }
    const run = `( set -e\n${commands}) > ${out} 2>&1`;
    return fails ? `${run} && fault ${number} ${line}` : `${run} || fault ${number} ${line}`;
  });
  return `${prelude}\n${taken.join('\n')}\nexit 0\n`;
}

const prelude = `
fault() { echo "step $1, line $2:"; cat "out.$1"; exit 1; }
ready() {
  for _ in $(seq 600); do
    grep -qE 'ready at|serving as|^250 ' "$1" && return 0
    sleep 0.1
  done
  return 1
}
`;
