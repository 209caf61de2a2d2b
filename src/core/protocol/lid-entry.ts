/** Bits of `flags` in LIDENTRY messages. */
export const lidEntryFlags = {
  // Of a registration. The first five say when a disclosure entry is used without asking: with skipEntry, and where
  // every other condition that is set holds.
  /** The user of the remote was not dropped. */
  skipUser: 0x1,
  /** The entry is about the remote's very domain … */
  skipDomainSame: 0x2,
  /** … or about what is below the domain that is one label shorter. */
  skipDomainOneUp: 0x4,
  /** The entry is not about everyone. */
  skipNotRoot: 0x8,
  skipEntry: 0x80,
  /** Entries that match are told before the inquiry. */
  wantEntries: 0x100,
  // Of a callback.
  /** It tells of an entry, and asks nothing. */
  entry: 0x1000,
  // Of the answer to an inquiry: what is stored if the handshake succeeds.
  insert: 0x2000,
  append: 0x4000,
  /** The choice moves if it is in the list already. */
  reorder: 0x8000,
  /** The identity is being made: wait for it. */
  isNew: 0x10_0000,
  onTheFly: 0x20_0000,
} as const;

/** What callbacks echo of a registration. */
export const REGISTRATION_MASK = 0xfff;
