import type { Donai } from '../identity/donai.ts';
import type { AnchorSet } from './anchor-sets.ts';
import type { Anchor } from './anchors.ts';
import { evaluate } from './evaluation.ts';
import type { Exhibit, NameMatch, Path, Tools } from './exhibit.ts';
import { conjunction, type Expression, type Letter, lettersOf } from './expression.ts';
import { type Finding, fails } from './finding.ts';
import type { PinAnswer } from './pins.ts';
import { agreesWithDns } from './predicates/dane.ts';
import { isPublished } from './predicates/directory.ts';
import { hasExtensions } from './predicates/extensions.ts';
import { isOfLevel, signsPostQuantum } from './predicates/level.ts';
import { hasUserPart, isNamed } from './predicates/names.ts';
import { findPath, isSelfSigned } from './predicates/path.ts';
import { isPinned } from './predicates/pin.ts';
import { isGood, isNotListed } from './predicates/revocation.ts';
import { sessionFact } from './predicates/session-facts.ts';
import type { RemoteQuestion, Report, Reported } from './remote-question.ts';
import { provesDomain, provesDonai, type SubjectNames } from './subject-names.ts';
import type { Truth } from './truth.ts';

/** Letters whose predicates have to wait: for the engine, the network or the store. */
const SLOW = 'TtRrOoDdGgPp';

/** Finds out what an expression asks about one remote; each predicate once. */
export class Examination implements Exhibit {
  readonly question: RemoteQuestion;
  readonly tools: Tools;
  readonly leaf: Buffer;
  readonly names: SubjectNames;
  readonly remoteId: Donai | undefined;
  readonly match: NameMatch;
  readonly #findings = new Map<Letter, Reported>();
  #anchors: AnchorSet | undefined;
  #path: Promise<Path> | undefined;
  #foundPath: Path | undefined;
  #pin: PinAnswer | undefined;

  /** @param asked what the remote must meet, whatever its path rests on */
  constructor(
    question: RemoteQuestion,
    asked: Expression,
    leaf: Buffer,
    names: SubjectNames,
    tools: Tools,
  ) {
    const { expected, remoteRole, domainRepresentsUser } = question;
    const claimed = names.users[0] ?? names.domains[0];
    const byDomain = domainRepresentsUser === true || lettersOf(asked.term).includes('i');
    this.question = question;
    this.tools = tools;
    this.leaf = leaf;
    this.names = names;
    this.match = matchOf(names, expected ?? claimed, byDomain);
    // A client is who its certificate names; that it is not who the program wants is for `I` to say.
    const isAnother = remoteRole === 'client' && this.match === 'none';
    this.remoteId = isAnother ? undefined : (expected ?? claimed);
  }

  /** Lets go of what it held. */
  close(): void {
    this.#anchors?.release();
    this.#anchors = undefined;
  }

  path(): Promise<Path> {
    this.#path ??= this.#findPath();
    return this.#path;
  }

  /** The path, if one was looked for and found. */
  get foundPath(): Extract<Path, { is: 'found' }> | undefined {
    return this.#foundPath?.is === 'found' ? this.#foundPath : undefined;
  }

  /** What pins said, if they were asked. */
  get pin(): PinAnswer | undefined {
    return this.#pin;
  }

  /** The finding of a predicate, if it was asked. */
  finding(letter: Letter): Finding | undefined {
    return this.#findings.get(letter);
  }

  outcome({ term }: Expression): Promise<Truth> {
    const predicates = {
      isQuick: (letter: Letter) => !SLOW.includes(letter),
      value: (letter: Letter, signal: AbortSignal) => this.#value(letter, signal),
    };
    return evaluate(term, predicates, this.question.signal);
  }

  /** The outcome if that predicate had another value, and nothing else were asked. */
  outcomeWith({ term }: Expression, letter: Letter, value: Truth): Promise<Truth> {
    return evaluate(term, {
      isQuick: () => true,
      value: (asked) =>
        asked === letter ? value : (this.#findings.get(asked)?.value ?? 'unknown'),
    });
  }

  /** The outcome if these predicates were false: what matters then is asked as well. */
  outcomeWithout({ term }: Expression, letters: readonly Letter[]): Promise<Truth> {
    const predicates = {
      isQuick: (letter: Letter) => letters.includes(letter) || !SLOW.includes(letter),
      value: (letter: Letter, signal: AbortSignal) =>
        letters.includes(letter) ? 'false' : this.#value(letter, signal),
    };
    return evaluate(term, predicates, this.question.signal);
  }

  /** Asks these too, for people who want to know. */
  async askAll(letters: readonly Letter[]): Promise<void> {
    const signal = this.question.signal ?? new AbortController().signal;
    await Promise.all(letters.map((letter) => this.#value(letter, signal)));
  }

  /** What was asked, in the order of the expression. */
  report(expression: Expression): Report {
    const findings = lettersOf(expression.term).flatMap(
      (letter) => this.#findings.get(letter) ?? [],
    );
    return { expression: expression.text, findings };
  }

  /** The anchor at the end of the path. */
  anchorOf(anchors: readonly Anchor[]): Anchor | undefined {
    const last = this.foundPath?.certificates.at(-1);
    return last && anchors.find(({ certificate }) => certificate.equals(last));
  }

  #value(letter: Letter, signal: AbortSignal): Truth | Promise<Truth> {
    const known = this.#findings.get(letter);
    if (known !== undefined) return known.value;
    const started = performance.now();
    const note = (finding: Finding) => {
      const took = performance.now() - started;
      this.#findings.set(letter, { ...finding, letter, took });
      return finding.value;
    };
    const found = this.#find(letter, signal);
    if (!(found instanceof Promise)) return note(found);
    return abortable(found, signal).then(note);
  }

  #find(letter: Letter, signal: AbortSignal): Finding | Promise<Finding> {
    const lenient = letter === letter.toLowerCase();
    switch (letter) {
      case 'I':
      case 'i':
        return isNamed(this, lenient);
      case 'U':
        return hasUserPart(this);
      case 'T':
      case 't':
        return this.#isTrusted(lenient);
      case 'R':
      case 'r':
        return isNotListed(this, lenient);
      case 'O':
      case 'o':
        return isGood(this, lenient);
      case 'D':
      case 'd':
        return agreesWithDns(this, lenient, signal);
      case 'P':
      case 'p':
        return this.#isPinned(lenient);
      case 'G':
      case 'g':
        return isPublished(this, lenient);
      case 'E':
      case 'e':
        return hasExtensions(this, lenient);
      case 'L':
      case 'l':
        return isOfLevel(this, letter);
      case 'q':
        return signsPostQuantum(this);
      default: {
        const fact = sessionFact(letter, this.question);
        if (fact !== undefined) return fact;
        throw new TypeError(`There is no predicate ${letter}.`);
      }
    }
  }

  async #isTrusted(lenient: boolean): Promise<Finding> {
    const path = await this.path();
    if (path.is === 'found' || !lenient) return path.finding;
    const own = await isSelfSigned(this);
    return own.value === 'true' ? own : path.finding;
  }

  async #isPinned(lenient: boolean): Promise<Finding> {
    const { answer, ...finding } = await isPinned(this, lenient);
    this.#pin = answer ?? this.#pin;
    return finding;
  }

  async #findPath(): Promise<Path> {
    if (this.remoteId !== undefined) {
      this.#anchors = this.tools.anchors.acquire(this.remoteId, this.question.remoteRole);
    }
    this.#foundPath = await findPath(this, this.#anchors);
    return this.#foundPath;
  }
}

/** Where nothing was shown, every predicate about a certificate is false. */
export async function outcomeWithoutCertificate(
  expressions: readonly Expression[],
  question: RemoteQuestion,
): Promise<Truth> {
  return evaluate(conjunction(expressions).term, {
    isQuick: () => true,
    value: (letter) => (sessionFact(letter, question) ?? noCertificate).value,
  });
}

const noCertificate = fails('no certificate was shown', 'certificate_required');

function matchOf(names: SubjectNames, wanted: Donai | undefined, byDomain: boolean): NameMatch {
  if (wanted === undefined) return 'none';
  if (provesDonai(names, wanted)) return 'exact';
  return byDomain && provesDomain(names, wanted.domain) ? 'domain' : 'none';
}

/** What is not needed any more is not waited for. */
function abortable<Value>(work: Promise<Value>, signal: AbortSignal): Promise<Value> {
  return new Promise((done, failed) => {
    const stop = () => failed(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    work.then(done, failed).finally(() => signal.removeEventListener('abort', stop));
  });
}
