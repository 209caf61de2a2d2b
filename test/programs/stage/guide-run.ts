import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { entry } from '../../built.ts';
import { readGuide, type Step, scriptOf } from './guide.ts';
import { run } from './running.ts';

/** A guide whose steps were taken, on a machine of its own: nothing of this one's state and network is seen or changed. */
export class GuideRun implements Disposable {
  readonly folder: string;
  readonly steps: readonly Step[];

  /**
   * Fails if a step does, or prints something else than the guide says.
   * @param guide file in docs
   * @param machine more shell to set it up, with the run's folder in `$1`
   */
  static async take(guide: string, machine = ''): Promise<GuideRun> {
    const steps = readGuide(fileURLToPath(new URL(`../../../docs/${guide}`, import.meta.url)));
    const taken = new GuideRun(steps);
    try {
      await taken.#run(machine);
      return taken;
    } catch (error) {
      taken[Symbol.dispose]();
      throw error;
    }
  }

  private constructor(steps: readonly Step[]) {
    this.folder = mkdtempSync(join(tmpdir(), 'tlspool-guide-'));
    this.steps = steps;
  }

  /** What the step printed that has this in its commands. */
  printed(command: string): string {
    const number = this.steps.findIndex(({ commands }) => commands.includes(command));
    return this.#output(number);
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #run(machine: string): Promise<void> {
    writeFileSync(join(this.folder, 'script'), scriptOf(this.steps));
    const command = join(this.folder, 'tlspool');
    writeFileSync(command, `#!/bin/sh\nexec ${process.execPath} ${entry} "$@"\n`);
    chmodSync(command, 0o755);
    const namespaces = ['--mount', '--net', '--pid', '--fork', '--kill-child', '--mount-proc'];
    const shell = ['bash', '-c', `${common}${machine}\nbash script\n`, 'bash', this.folder];
    const environment = { ...process.env };
    for (const name of Object.keys(environment)) {
      if (name.startsWith('TLSPOOL_')) delete environment[name];
    }
    const { code, stdout, stderr } = await run('unshare', [...namespaces, ...shell], {
      env: environment,
    });
    assert.equal(code, 0, stdout + stderr);
    for (const [number, { line, prints }] of this.steps.entries()) {
      const printed = this.#output(number);
      for (const part of prints) {
        assert.ok(printed.includes(part), `line ${line}: “${part}” is not in:\n${printed}`);
      }
    }
  }

  #output(number: number): string {
    return readFileSync(join(this.folder, `out.${number}`), 'utf8');
  }
}

const common = `
set -e
ip link set lo up
for place in /var/lib /var/spool /var/mail /run; do mount -t tmpfs tmpfs "$place"; done
PATH=$1:$PATH
cd "$1"
`;
