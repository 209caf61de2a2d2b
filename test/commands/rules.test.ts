import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { PoolCommand } from '../../src/core/cli/pool-command.ts';
import { root } from '../built.ts';

/** As far as the rules need them: oclif's manifest leaves out just what they are about. */
interface CommandRules {
  readonly prototype: object;
  readonly summary?: string;
  readonly flags: Readonly<
    Record<
      string,
      { type: string; multiple?: boolean; multipleNonGreedy?: boolean; description?: string }
    >
  >;
  readonly args: Readonly<Record<string, { ignoreStdin?: boolean; description?: string }>>;
}

const directory = join(root, 'src/commands');
const files = readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((file) =>
  file.endsWith('.ts'),
);

for (const file of files) {
  const { default: command } = (await import(join(directory, file))) as { default: CommandRules };
  const flags = Object.entries(command.flags ?? {});
  const args = Object.entries(command.args ?? {});

  test(`${file}: is a PoolCommand that says what it and all its flags are for`, () => {
    assert.ok(command.prototype instanceof PoolCommand);
    assert.ok(command.summary);
    for (const [name, { description }] of [...flags, ...args]) assert.ok(description, name);
  });

  test(`${file}: reads stdin only where - asks for it`, () => {
    for (const [name, arg] of args) assert.equal(arg.ignoreStdin, true, name);
  });

  test(`${file}: a repeatable flag takes one value at a time, and no argument after it`, () => {
    for (const [name, flag] of flags)
      if (flag.multiple) assert.equal(flag.multipleNonGreedy, true, name);
  });

  test(`${file}: no flag takes a PIN or a password, only where to find it`, () => {
    for (const [name, { type }] of flags) {
      if (type === 'option') assert.doesNotMatch(name, /(^|-)(pin|password|passphrase|secret)$/);
    }
  });
}
