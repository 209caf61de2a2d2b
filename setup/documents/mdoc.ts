/** Writing mdoc(7), the language of manual pages, so that mandoc's lint has nothing to say. */

const WIDTH = 78;

/**
 * Prose as mdoc text: filled lines, each sentence on a line of its own, `code` in bold.
 *
 * @param paragraph any text; its line breaks mean nothing
 */
export function prose(paragraph: string): string {
  const sentences = paragraph
    .replaceAll(/\s+/g, ' ')
    .trim()
    .split(/(?<=(?<!\b(?:e\.g|i\.e|etc|vs))[.!?]) (?=[A-Z`"(])/);
  return sentences.map(fillSentence).join('\n');
}

function fillSentence(sentence: string): string {
  const lines: string[] = [];
  let line = '';
  for (const word of inlined(sentence)) {
    if (line !== '' && line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = '';
    }
    line += line === '' ? word : ` ${word}`;
  }
  return [...lines, line].map(guarded).join('\n');
}

/** The words of a sentence, those of a `code span` kept together. */
function inlined(sentence: string): string[] {
  const parts = sentence.split(/`([^`]*)`/);
  const marked = parts.map((part, index) =>
    index % 2 === 1 ? `\\fB\\%${literal(part).replaceAll(' ', '\u0000')}\\fR` : escaped(part),
  );
  return marked
    .join('')
    .split(' ')
    .map((word) => word.replaceAll('\u0000', '\\ '))
    .filter((word) => word !== '');
}

/** Text in which hyphens are typed by somebody: commands, flags, file names. */
function literal(text: string): string {
  return escaped(text).replaceAll('-', '\\-').replaceAll("'", '\\(aq').replaceAll('~', '\\(ti');
}

/** One line of a literal block. */
export function literalLine(text: string): string {
  return guarded(literal(text));
}

/** A word of a macro line: what mdoc would take for punctuation or a macro of its own is made plain. */
export function word(text: string): string {
  const safe = escaped(text);
  return /^[.,:;()[\]?!|]$/.test(safe) || /^[A-Z][a-z]{1,2}$/.test(safe) ? `\\&${safe}` : safe;
}

function escaped(text: string): string {
  return [...text.replaceAll('\\', '\\e')]
    .map((character) => special[character] ?? character)
    .join('');
}

const special: Readonly<Record<string, string>> = {
  '→': '\\(->',
  '…': '...',
  '–': '\\(en',
  '—': '\\(em',
  '“': '\\(lq',
  '”': '\\(rq',
  '’': "'",
  '≥': '\\(>=',
  '≤': '\\(<=',
  '×': '\\(mu',
  '#': '#',
};

/** A line of text must not look like a macro. */
function guarded(line: string): string {
  return /^[.']/.test(line) ? `\\&${line}` : line;
}
