import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { withPersonKnown } from '../config/person.ts';
import { systemReason, TlspoolError } from '../errors.ts';
import { type Request, readCommandLine, type Subject, wantsJson } from './command-line.ts';
import { useCompileCache } from './compile-cache.ts';
import { compileInForeground } from './compile-in-foreground.ts';
import {
  type CommandContext,
  failureJson,
  failureText,
  quietExit,
  shapeFailure,
} from './failure.ts';
import { asksForFirstPage, firstPage } from './first-page.ts';
import type { Config } from './oclif.ts';

/**
 * One run of the command line, from the arguments to the exit code. oclif finds, parses and documents the
 * commands; what it would do by itself about versions, unknown words and failures is done here.
 *
 * @param root the package's directory
 * @param code whether commands come from the build, through the manifest, or from src/commands
 */
export async function main(
  argv: readonly string[],
  root: URL,
  code: 'build' | 'sources' = 'build',
): Promise<void> {
  compileInForeground();
  useCompileCache(process.env, process.geteuid?.() ?? -1);
  surviveClosedPipes();
  let context: CommandContext = nowhere;
  try {
    const manifest = readPackage(root);
    if (argv[0] === '--version' || argv[0] === '-V') {
      process.stdout.write(`${versionLine(manifest)}\n`);
      return;
    }
    const page =
      code === 'build' && asksForFirstPage(argv)
        ? firstPage(root, versionLine(manifest), process.stdout)
        : undefined;
    if (page !== undefined) {
      process.stdout.write(page);
      return;
    }
    const config = await loadConfig(root, manifest, code);
    const request = readCommandLine(argv, config.commandIDs);
    context = contextOf(request, config);
    await answer(request, config);
  } catch (error) {
    end(error, context, wantsJson(argv));
  }
}

const nowhere: CommandContext = { name: '', flags: [], failureExit: undefined };

interface PackageManifest {
  readonly name: string;
  readonly version: string;
  readonly oclif: Record<string, unknown>;
}

function readPackage(root: URL): PackageManifest {
  return JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as PackageManifest;
}

function versionLine({ name, version }: PackageManifest): string {
  return `${name}/${version} ${process.platform}-${process.arch} node-${process.version}`;
}

async function loadConfig(
  root: URL,
  manifest: PackageManifest,
  code: 'build' | 'sources',
): Promise<Config> {
  const fromSources = { ...manifest, oclif: { ...manifest.oclif, commands: './src/commands' } };
  const options = {
    root: fileURLToPath(root),
    pjson: code === 'sources' ? fromSources : manifest,
    ignoreManifest: code === 'sources',
    // No code but ours: oclif would take more from a folder in the user's home.
    userPlugins: false,
    devPlugins: false,
  };
  return withPersonKnown(process.env, async () => {
    const { Config } = await import('./oclif.ts');
    return Config.load(options);
  });
}

function contextOf(request: Request, config: Config): CommandContext {
  if (request.kind === 'version' || request.subject.kind !== 'command') return nowhere;
  const command = config.findCommand(request.subject.id, { must: true });
  const { failureExit } = command as { failureExit?: number };
  const { usage } = command;
  return {
    failureExit,
    name: command.id.replaceAll(':', ' '),
    flags: ['--help', ...Object.keys(command.flags).map((flag) => `--${flag}`)],
    usage: typeof usage === 'string' ? usage : undefined,
  };
}

async function answer(request: Request, config: Config): Promise<void> {
  if (request.kind === 'version') return;
  if (request.kind === 'help' || request.subject.kind !== 'command')
    return showHelp(request.subject, config);
  await config.runCommand(request.subject.id, [...request.subject.argv]);
}

async function showHelp(subject: Subject, config: Config): Promise<void> {
  const { TlspoolHelp } = await import('./help.ts');
  await new TlspoolHelp(config, config.pjson.oclif.helpOptions).showHelp(
    subject.kind === 'root' ? [] : [subject.id],
  );
}

/**
 * Whoever read our output has read enough: what is left to say is dropped, what is left to do is done. What cannot be
 * written for another reason, as on a full disk, is a failure if it is a result; a log is done without.
 */
function surviveClosedPipes(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') end(unwritableOutput(error), nowhere, false);
  });
  process.stderr.on('error', () => undefined);
}

function unwritableOutput(cause: Error): TlspoolError {
  return new TlspoolError('unwritable-output', `cannot write to stdout: ${systemReason(cause)}`, {
    hint: 'What the command was to do may be done all the same.',
    cause,
  });
}

function end(error: unknown, context: CommandContext, json: boolean): never {
  const quiet = quietExit(error);
  if (quiet !== undefined) process.exit(quiet);
  const failure = shapeFailure(error, context);
  const exit = failure.exit < 125 ? (context.failureExit ?? failure.exit) : failure.exit;
  if (json) process.stdout.write(`${failureJson(failure)}\n`);
  else process.stderr.write(`${failureText(failure)}\n`);
  process.exit(exit);
}
