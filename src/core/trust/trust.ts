import { X509Certificate } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { AlertName } from '../engine/types.ts';
import type { Donai } from '../identity/donai.ts';
import type { Store } from '../store/store.ts';
import { AnchorSets } from './anchor-sets.ts';
import { type Anchor, listAnchors } from './anchors.ts';
import { storedLists } from './crl-file.ts';
import { CrlLists } from './crl-lists.ts';
import { DerError } from './der.ts';
import { Distrusted } from './distrust.ts';
import { Examination, outcomeWithoutCertificate } from './examination.ts';
import type { PathVerifier, Tools } from './exhibit.ts';
import { conjunction, DEFAULT_EXPRESSION, type Expression, lettersOf } from './expression.ts';
import { fingerprintsOf } from './fingerprints.ts';
import { OcspResponders } from './ocsp-responders.ts';
import { Pins } from './pins.ts';
import { noPolicies, type Policies, readPolicies } from './policies.ts';
import type {
  AcceptedRemote,
  RefusedRemote,
  RemoteQuestion,
  RemoteVerdict,
} from './remote-question.ts';
import { type SubjectNames, subjectNames } from './subject-names.ts';
import { defaultValidation, type ValidationSettings } from './validation-settings.ts';
import { requireWellFormed } from './well-formed.ts';

/** How long a verdict may be reused at most, in seconds. */
const LONGEST_VERDICT = 24 * 60 * 60;

/** Predicates about the handshake itself: a resumed one may differ in what they look at. */
const NEVER_RESUMED = 'QALl';
const NEVER_RESUMED_IN_TLS12 = 'Ff';

/** Decides who a remote is, from the certificates that it shows. What is not validated is not believed. */
export class Trust {
  readonly #store: Store;
  readonly #verifier: PathVerifier;
  readonly #settings: () => ValidationSettings;
  readonly #lists: CrlLists;
  readonly #responders: OcspResponders;
  readonly #pins: Pins;
  #version = -1;
  #generation = -1;
  /** What the settings were when they were last looked at, and how often they changed since the start. */
  #known: ValidationSettings;
  #changes = 0;
  #all: readonly Anchor[] = [];
  #sets: AnchorSets;
  #distrusted = Distrusted.none();
  #policies: Policies = noPolicies;

  constructor(
    store: Store,
    verifier: PathVerifier,
    settings: () => ValidationSettings = () => defaultValidation,
  ) {
    this.#store = store;
    this.#verifier = verifier;
    this.#settings = settings;
    this.#known = settings();
    this.#sets = new AnchorSets(verifier, []);
    this.#lists = new CrlLists(verifier, settings);
    this.#responders = new OcspResponders(verifier, settings);
    this.#pins = new Pins(store);
  }

  /** Changes whenever trust or its settings do: verdicts of other generations are void. */
  get generation(): number {
    this.#compareSettings();
    // Both only ever rise.
    return this.#generation + this.#changes;
  }

  /** Asks for what our own certificates' responders say, for stapling. */
  get responders(): OcspResponders {
    return this.#responders;
  }

  /** The anchor that signed the certificate, if there is one; DER both. */
  issuerOf(certificate: Buffer): Buffer | undefined {
    const signed = new X509Certificate(certificate);
    return this.#all.find((anchor) => {
      const issuer = new X509Certificate(anchor.certificate);
      return signed.checkIssued(issuer) && signed.verify(issuer.publicKey);
    })?.certificate;
  }

  /** Reads anew what changed in the store, if anything did; otherwise takes microseconds. */
  async refresh(): Promise<void> {
    // Taken first: a change while we read brings the next refresh to read again.
    const version = this.#store.version();
    if (version === this.#version) return;
    const generation = await this.#store.trustGeneration();
    if (generation !== this.#generation) await this.#load();
    this.#generation = generation;
    this.#version = version;
  }

  async validate(question: RemoteQuestion): Promise<RemoteVerdict> {
    const [leaf] = question.chain;
    if (leaf === undefined) return this.#withoutCertificate(question);
    const names = readNames(leaf);
    if ('ok' in names) return names;
    const asked = conjunction(this.applicable(question));
    const examination = new Examination(question, asked, leaf, names, this.#tools());
    try {
      const distrusted = this.#distrusted.reason(question.chain);
      if (distrusted === undefined) return await this.#examine(examination, asked);
      const { reason, advice } = distrusted;
      return { ...refuse('certificate_revoked', reason), advice };
    } catch (error) {
      if (!(error instanceof DerError)) throw error;
      return refuse(
        'bad_certificate',
        `a certificate that it shows is malformed: ${error.message}`,
      );
    } finally {
      examination.close();
    }
  }

  /** What a remote of that role must meet, apart from what its anchor asks for. */
  applicable({ remoteRole, expressions = [] }: RemoteQuestion): readonly Expression[] {
    const policy = this.#policies[remoteRole];
    const all = policy === undefined ? [...expressions] : [...expressions, policy];
    return all.length === 0 ? [DEFAULT_EXPRESSION] : all;
  }

  /** Frees what the engine holds for it. */
  close(): void {
    this.#sets.close();
    this.#lists.close();
  }

  #compareSettings(): void {
    const settings = this.#settings();
    if (settings === this.#known) return;
    if (!isDeepStrictEqual(settings, this.#known)) {
      this.#changes += 1;
      this.#responders.forget();
    }
    this.#known = settings;
  }

  async #examine(examination: Examination, asked: Expression): Promise<RemoteVerdict> {
    const { question } = examination;
    let outcome = await examination.outcome(asked);
    let expression = asked;
    if (outcome === 'true' || question.explain) {
      // What a path rests on may ask for more, also where something else was quicker than the path.
      if (asksForPath(asked)) await examination.path();
      const more = examination.anchorOf(this.#all)?.validation;
      if (more !== undefined) {
        expression = conjunction([asked, more]);
        outcome = await examination.outcome(expression);
      }
    }
    if (question.explain) await examination.askAll(lettersOf(expression.term));
    const report = question.explain ? examination.report(expression) : undefined;
    if (outcome !== 'true') {
      return { ...(await whyNot(examination, expression)), report };
    }
    return { ...(await this.#accept(examination, expression)), report };
  }

  async #accept(examination: Examination, expression: Expression): Promise<AcceptedRemote> {
    const { names, remoteId, match } = examination;
    const proven = await isProven(examination, expression);
    const asked = lettersOf(expression.term).filter((letter) => examination.finding(letter));
    const held = asked.filter((letter) => examination.finding(letter)?.value === 'true');
    return {
      ok: true,
      remoteId,
      proven,
      validatedBy: held.join(''),
      domainRepresented: match === 'domain',
      names: [...names.users, ...names.domains],
      until: verdictEnd(examination, asked),
      remember: await this.#toRemember(examination, expression, remoteId),
    };
  }

  /** A first use, or a key that takes another's place, if the outcome rests on it. */
  async #toRemember(
    examination: Examination,
    expression: Expression,
    remoteId: Donai | undefined,
  ): Promise<(() => Promise<void>) | undefined> {
    const { pin, leaf } = examination;
    if (remoteId === undefined || pin === undefined) return undefined;
    if (pin.is !== 'none' && pin.is !== 'roll-over') return undefined;
    const held = (pin.is === 'none' ? ['p'] : ['P', 'p']).filter(
      (letter) => examination.finding(letter)?.value === 'true',
    );
    if (held.length === 0) return undefined;
    if ((await examination.outcomeWithout(expression, held)) === 'true') return undefined;
    const { key } = fingerprintsOf(leaf);
    return pin.is === 'none'
      ? () => this.#pins.noteFirstUse(remoteId, key, this.#firstUseEnd())
      : () => this.#pins.replace(pin.pin, key);
  }

  #firstUseEnd(): Date | undefined {
    const { firstUseLifetime } = this.#settings();
    return firstUseLifetime === 0 ? undefined : new Date(Date.now() + firstUseLifetime);
  }

  /** Where that is allowed at all, only our own identity's wishes count. */
  async #withoutCertificate(question: RemoteQuestion): Promise<RemoteVerdict> {
    const { expressions = [], mayBeNobody } = question;
    const outcome =
      mayBeNobody === true ? await outcomeWithoutCertificate(expressions, question) : 'false';
    if (outcome !== 'true') {
      const { text } = conjunction(expressions);
      const unmet = mayBeNobody === true ? `, and without one ${text} is not met` : '';
      return refuse('certificate_required', `no certificate was shown${unmet}`);
    }
    return {
      ok: true,
      remoteId: undefined,
      proven: false,
      validatedBy: '',
      domainRepresented: false,
      names: [],
      until: 0,
    };
  }

  #tools(): Tools {
    return {
      verifier: this.#verifier,
      anchors: this.#sets,
      distrusted: this.#distrusted,
      lists: this.#lists,
      responders: this.#responders,
      pins: this.#pins,
      ownAuthorities: this.#all
        .filter(({ source }) => source === 'local-ca')
        .map(({ certificate }) => certificate),
      settings: this.#settings(),
    };
  }

  async #load(): Promise<void> {
    const { db } = this.#store;
    const [anchors, distrusted, policies, lists] = await Promise.all([
      listAnchors(db),
      Distrusted.read(db),
      readPolicies(db),
      storedLists(db),
    ]);
    await this.#lists.load(lists);
    this.#sets.close();
    this.#sets = new AnchorSets(this.#verifier, anchors);
    this.#all = anchors;
    this.#distrusted = distrusted;
    this.#policies = policies;
  }
}

/**
 * Strictly: by a path to an anchor that vouches for the name which the certificate has, by DANE, or by a pin of the
 * operator's. What was not needed for the outcome is asked now, so that it makes no difference.
 */
async function isProven(examination: Examination, expression: Expression): Promise<boolean> {
  const { remoteId, match, pin } = examination;
  if (remoteId === undefined) return false;
  if (pin?.is === 'match' && pin.pin.source === 'operator') return true;
  if (asksForPath(expression) && match !== 'none') {
    const path = await examination.path();
    if (path.is === 'found') return true;
  }
  const letters = lettersOf(expression.term);
  const asksDns = letters.some((letter) => letter === 'D' || letter === 'd');
  if (asksDns) await examination.askAll(['D']);
  return examination.finding('D')?.value === 'true';
}

function asksForPath({ term }: Expression): boolean {
  return lettersOf(term).some((letter) => letter === 'T' || letter === 't');
}

/** The predicates without which it would pass, or else all that did not hold: what people and the remote are told. */
async function whyNot(examination: Examination, expression: Expression): Promise<RefusedRemote> {
  const letters = lettersOf(expression.term);
  const failed = letters.filter((letter) => {
    const value = examination.finding(letter)?.value;
    return value !== undefined && value !== 'true';
  });
  const alone: string[] = [];
  for (const letter of failed) {
    if ((await examination.outcomeWith(expression, letter, 'true')) === 'true') alone.push(letter);
  }
  const [first = ''] = [...(alone.length > 0 ? alone : failed)].sort(
    (one, other) => IMPORTANCE.indexOf(one) - IMPORTANCE.indexOf(other),
  );
  const finding = examination.finding(first);
  if (finding === undefined) {
    return refuse('access_denied', `the expression ${expression.text} accepts nobody like this`);
  }
  const { alert = 'bad_certificate', looked, advice } = finding;
  return { ok: false, alert, reason: looked, advice };
}

/** What an operator would look at first. */
const IMPORTANCE = 'TtRrOoIiUDdPpGgEeLlqQFfAaSsCc';

function readNames(leaf: Buffer): SubjectNames | RefusedRemote {
  try {
    // OpenSSL's eyes first: what it cannot read, nothing below can.
    void new X509Certificate(leaf);
    requireWellFormed(leaf);
    return subjectNames(leaf);
  } catch (error) {
    if (error instanceof DerError) {
      return refuse('bad_certificate', `the certificate is malformed: ${error.message}`);
    }
    return refuse('bad_certificate', 'the certificate is malformed');
  }
}

function refuse(alert: AlertName, reason: string): RefusedRemote {
  return { ok: false, alert, reason };
}

/**
 * The first moment at which something that it rests on expires, and at most a day from now.
 * @param letters all that were asked: it may rest on what does not hold, too
 */
function verdictEnd(examination: Examination, letters: readonly string[]): number {
  const { question, leaf } = examination;
  const never = letters.some(
    (letter) =>
      NEVER_RESUMED.includes(letter) ||
      (NEVER_RESUMED_IN_TLS12.includes(letter) && question.handshake?.version === 'TLSv1.2'),
  );
  if (never) return 0;
  const leafEnd = Math.floor(new X509Certificate(leaf).validToDate.getTime() / 1000);
  const ends = letters.flatMap((letter) => examination.finding(letter)?.until ?? []);
  return Math.min(Math.floor(Date.now() / 1000) + LONGEST_VERDICT, leafEnd, ...ends);
}
