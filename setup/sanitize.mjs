// npm run sanitize: builds the engine with AddressSanitizer and UndefinedBehaviorSanitizer, and with ThreadSanitizer,
// sees that each finds faults that are there on purpose, and runs the tests of everything native under both.
// `npm run sanitize -- address` or `-- thread` does one of them, `-- FILE…` runs those tests only.

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { forTests, forUse } from './packages.mjs';
import { environment, node, nodeDir, root } from './place.mjs';
import { prepare } from './prepare.mjs';
import { run, say, setUp } from './step.mjs';

const kinds = {
  address: {
    folder: 'build/asan',
    flags: 'address,undefined',
    runtimes: ['libasan.so', 'libubsan.so'],
    /** What the runtime says of each fault that is seeded. */
    faults: {
      'use-after-free': /heap-use-after-free/,
      'parked-stack': /stack-buffer-overflow/,
      overflow: /signed integer overflow/,
    },
  },
  thread: {
    folder: 'build/tsan',
    flags: 'thread',
    runtimes: ['libtsan.so'],
    faults: { race: /data race/ },
  },
};

/** Tests in whose own process the engine, the tokens' threads, the sockets and the supervisor are. */
const native = [
  'test/core/engine',
  'test/native',
  'test/core/token/keyring.test.ts',
  'test/core/token/list-tokens.test.ts',
  'test/core/courier',
  'test/core/tunnel/tunnel-by-courier.test.ts',
  'test/core/wrap',
];

/** ms for one file of tests */
const patience = 1_800_000;

await setUp(() => {
  prepare([...forUse, ...forTests]);
  const words = process.argv.slice(2);
  const wanted = words.filter((word) => word in kinds);
  const named = words.filter((word) => !(word in kinds));
  const files = (named.length > 0 ? named : native).flatMap(testsIn);
  const outcomes = (wanted.length > 0 ? wanted : Object.keys(kinds)).flatMap((kind) => {
    build(kinds[kind]);
    return [...seeded(kind), ...files.map((file) => tested(kind, file))];
  });
  const failed = outcomes.filter((good) => !good).length;
  say(failed === 0 ? `all ${outcomes.length} runs are clean` : `${failed} runs are not clean`);
  if (failed > 0) process.exitCode = 1;
});

function testsIn(place) {
  if (place.endsWith('.ts')) return [place];
  return readdirSync(join(root, place), { recursive: true })
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => join(place, name))
    .sort();
}

function build({ folder, flags }) {
  say(`building the engine with -fsanitize=${flags}`);
  const target = [`NODE_DIR=${nodeDir}`, `OUT=${join(root, folder)}`, `SANITIZE=${flags}`];
  run('the native build', 'make', ['-s', '-C', 'src/native', `-j${cpus().length}`, ...target]);
}

/** Whether each fault is found, and nothing where there is none. */
function seeded(kind) {
  const { faults } = kinds[kind];
  return [['none', undefined], ...Object.entries(faults)].map(([fault, pattern]) => {
    const { status, reports, output } = sanitized(kind, ['setup/seed-fault.mjs', fault]);
    const said = reports + output;
    const found = pattern?.test(said) ?? (status === 0 && said === '');
    const what = fault === 'none' ? 'without a fault nothing' : `the seeded fault ${fault}`;
    say(`${kind}: ${what} ${found ? 'is found' : `IS NOT FOUND: ${said}`}`);
    return found && (pattern === undefined) === (status === 0);
  });
}

function tested(kind, file) {
  const begun = Date.now();
  const { status, reports, output } = sanitized(kind, [file]);
  const passed = /^ℹ pass (\d+)$/m.exec(output)?.[1] ?? 0;
  const took = Math.round((Date.now() - begun) / 1000);
  const good = status === 0 && reports === '';
  say(`${kind}: ${file}: ${good ? '' : 'NOT CLEAN, '}${passed} tests passed in ${took} s`);
  if (!good) process.stderr.write(`${output}\n${reports}\n`);
  return good;
}

/**
 * Runs Node with a sanitizer's runtime loaded before all else, and likewise the Nodes that it starts, daemons for
 * instance, but nothing else: setup/unload.mjs. The engine alone is instrumented: of what happens in Node itself, the
 * runtimes are told to say nothing.
 */
function sanitized(kind, args) {
  const { folder, runtimes } = kinds[kind];
  const folderOfReports = mkdtempSync(join(tmpdir(), 'tlspool-sanitize-'));
  const log = `log_path=${join(folderOfReports, 'report')}`;
  const sanitizedNode = join(folderOfReports, 'node');
  writeFileSync(sanitizedNode, startingNode(runtimes.map(runtime).join(':')), { mode: 0o755 });
  const env = {
    ...environment(),
    TLSPOOL_SANITIZED_NODE: sanitizedNode,
    TLSPOOL_ENGINE: join(root, folder, 'engine.node'),
    ASAN_OPTIONS: `${log}:detect_leaks=0`,
    UBSAN_OPTIONS: `${log}:print_stacktrace=1`,
    TSAN_OPTIONS: `${log}:ignore_noninstrumented_modules=1:history_size=4`,
  };
  try {
    const options = { cwd: root, env, encoding: 'utf8', timeout: patience, maxBuffer: 1 << 28 };
    const { status, stdout, stderr } = spawnSync(sanitizedNode, args, options);
    const reports = readdirSync(folderOfReports)
      .filter((name) => name.startsWith('report'))
      .map((name) => readFileSync(join(folderOfReports, name), 'utf8'))
      .filter((text) => !isAboutStacks(text))
      .join('\n');
    return { status, reports, output: stdout + stderr };
  } finally {
    rmSync(folderOfReports, { recursive: true });
  }
}

/**
 * Commands that only look after a token load its module by pkcs11js, in a way that the runtimes refuse: they run
 * without.
 */
function startingNode(preload) {
  return `#!/bin/sh
case "$1:$2" in
  */run.js:serve | */dev.js:tunnel | */dev.js:wrap) ;;
  */run.js:*)
    unset TLSPOOL_ENGINE
    exec ${node} "$@"
    ;;
esac
LD_PRELOAD=${preload} exec ${node} --import ${join(root, 'setup/unload.mjs')} "$@"
`;
}

/**
 * AddressSanitizer sees OpenSSL leave the stack of a parked handshake by longjmp and says that it does not know this
 * stack. As no frame is skipped by that, there is nothing that it would have to forget.
 */
function isAboutStacks(report) {
  return report.includes('ignoring requested __asan_handle_no_return') && !report.includes('ERROR');
}

function runtime(name) {
  const path = execFileSync('gcc', [`-print-file-name=${name}`], { encoding: 'utf8' }).trim();
  return basename(path) === path ? name : path;
}
