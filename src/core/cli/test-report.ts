import type { TableOutcome, TestedDecision } from '../authz/test-table.ts';

export type TestFormat = 'text' | 'tap' | 'junit';

/** The outcome of a table of expected decisions, for people or for other programs. */
export function testReport(outcome: TableOutcome, file: string, format: TestFormat): string {
  switch (format) {
    case 'tap':
      return tap(outcome, file);
    case 'junit':
      return junit(outcome, file);
    case 'text':
      return text(outcome, file);
  }
}

function text({ cases, unreached }: TableOutcome, file: string): string {
  const failed = cases.filter(({ passed }) => !passed);
  const lines = failed.flatMap((one) => [
    `${file}:${one.line}: ${one.text}`,
    `  expected  ${one.expected}`,
    `  got       ${one.got}`,
  ]);
  for (const rule of unreached) lines.push(`No case reaches rule ${rule}.`);
  const passed = cases.length - failed.length;
  return [...lines, `${passed} of ${cases.length} decisions are as expected.`].join('\n');
}

/** Test Anything Protocol, version 14. */
function tap({ cases, unreached }: TableOutcome, file: string): string {
  const lines = cases.flatMap((one, index) => {
    const title = `${index + 1} - ${one.text.replaceAll('#', '\\#')}`;
    if (one.passed) return [`ok ${title}`];
    return [
      `not ok ${title}`,
      '  ---',
      `  at: ${JSON.stringify(`${file}:${one.line}`)}`,
      `  expected: ${JSON.stringify(one.expected)}`,
      `  got: ${JSON.stringify(one.got)}`,
      `  rule: ${JSON.stringify(one.rule)}`,
      '  ...',
    ];
  });
  const notes = unreached.map((rule) => `# no case reaches rule ${rule}`);
  return ['TAP version 14', `1..${cases.length}`, ...lines, ...notes].join('\n');
}

function junit({ cases, unreached }: TableOutcome, file: string): string {
  const failures = cases.filter(({ passed }) => !passed).length;
  const notes = unreached.map((rule) => `no case reaches rule ${rule}`).join('\n');
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuite name="${xml(file)}" tests="${cases.length}" failures="${failures}">`,
    ...cases.map((one) => junitCase(one, file)),
    ...(notes === '' ? [] : [`  <system-out>${xml(notes)}</system-out>`]),
    '</testsuite>',
  ].join('\n');
}

function junitCase({ line, text: name, passed, expected, got }: TestedDecision, file: string) {
  const start = `  <testcase classname="${xml(file)}" name="${xml(name)}"`;
  if (passed) return `${start}/>`;
  const message = xml(`line ${line}: expected ${expected}, got ${got}`);
  return `${start}><failure message="${message}"/></testcase>`;
}

function xml(value: string): string {
  const entities: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
  };
  return value.replace(/[&<>"]/g, (character) => entities[character] ?? '');
}
