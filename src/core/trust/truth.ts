/** Three-valued logic of Kleene: what is not known is neither true nor false. */
export type Truth = 'true' | 'false' | 'unknown';

export function not(value: Truth): Truth {
  if (value === 'unknown') return 'unknown';
  return value === 'true' ? 'false' : 'true';
}

export function and(one: Truth, other: Truth): Truth {
  if (one === 'false' || other === 'false') return 'false';
  return one === 'true' && other === 'true' ? 'true' : 'unknown';
}

export function or(one: Truth, other: Truth): Truth {
  return not(and(not(one), not(other)));
}

/** An unknown condition gives what both branches have in common. */
export function choose(condition: Truth, then: Truth, otherwise: Truth): Truth {
  if (condition === 'true') return then;
  if (condition === 'false') return otherwise;
  return then === otherwise ? then : 'unknown';
}

export function truth(value: boolean): Truth {
  return value ? 'true' : 'false';
}
