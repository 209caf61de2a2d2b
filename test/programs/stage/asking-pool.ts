import { readFileSync } from 'node:fs';
import { Pool } from './pool.ts';

/** A daemon whose only token has no PIN source: people are asked. */
export interface AskingPool extends AsyncDisposable {
  readonly pool: Pool;
  readonly pin: string;
  /** Path of a file that holds the PIN, mode 0600. */
  readonly pinFile: string;
}

export async function askingPool(
  identities: readonly (readonly string[])[],
  config = '',
): Promise<AskingPool> {
  const pool = await Pool.create(identities);
  try {
    const { tokens } = JSON.parse(await pool.command('tokens', 'list', '--json'));
    const pinFile = String(tokens[0].loginFrom).slice('file:'.length);
    const ask = ['tokens', 'init', '--token', 'pkcs11:token=tlspool', '--pin-source', 'ask'];
    await pool.command(...ask, '--pin-file', pinFile);
    await pool.serve(config);
    return {
      pool,
      pin: readFileSync(pinFile, 'utf8').trim(),
      pinFile,
      [Symbol.asyncDispose]: () => pool[Symbol.asyncDispose](),
    };
  } catch (error) {
    await pool[Symbol.asyncDispose]();
    throw error;
  }
}
